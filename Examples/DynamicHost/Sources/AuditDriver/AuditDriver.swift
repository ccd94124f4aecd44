import Foundation
import SwitchboardInProcess
public import SwitchboardLoading
import Synchronization

/// A driver of one's own over another one: notes each message that is published in a file.
///
/// `audit:///var/log/messages.txt` is the in-process queue of that name, with a line in the file for each message.
public final class AuditDriver: TransportDriver {
    public var monitor: TransportMonitor { base.monitor }
    public var capabilities: DriverCapabilities { base.capabilities }

    private let base: InProcessDriver
    private let path: String
    private let file: Mutex<FileHandle?> = Mutex(nil)

    /// Throws `invalidURL` when the URL has no path.
    public init(_ url: TransportURL) throws(TransportError) {
        guard let path = url.virtualHost, !path.isEmpty else {
            throw TransportError(
                .invalidURL, "\(url.scheme):// takes the path of a file: \(url.scheme):///var/log/x.txt.")
        }
        self.path = "/" + path
        base = try InProcessDriver(TransportURL(scheme: "fake", hosts: [.init(name: path)], options: url.options))
    }

    public func run() async throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else {
            throw TransportError(.refused, "The file \(path) cannot be written.")
        }
        file.withLock { $0 = handle }
        try await base.run()
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        try await base.publish(message, to: address, options: options)
        let line = Data("\(message.body.count) bytes to \(address)\n".utf8)
        file.withLock { try? $0?.write(contentsOf: line) }
    }

    public func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await base.withSubscription(to: address, options: options, body)
    }
}
