import Foundation
import SwitchboardInProcess
public import SwitchboardLoading
import Synchronization

/// A driver of one's own over another one: notes each message that is published in a file.
///
/// `audit:///var/log/messages.txt` is the in-process queue of that name, with a line in the file for each message.
public final class AuditDriver: TransportDriver {
    public var capabilities: DriverCapabilities { base.capabilities }

    private let base: InProcessDriver
    private let path: String

    /// Throws `invalidURL` when the URL has no path.
    public init(_ url: TransportURL) throws(TransportError) {
        guard let path = url.virtualHost, !path.isEmpty else {
            throw TransportError(
                .invalidURL, "\(url.scheme):// takes the path of a file: \(url.scheme):///var/log/x.txt.")
        }
        self.path = "/" + path
        base = try InProcessDriver(TransportURL(scheme: "fake", hosts: [.init(name: path)], options: url.options))
    }

    public func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else {
            throw ConnectionFailure(
                TransportError(.refused, "The file \(path) cannot be written."), retry: .unlessFirst)
        }
        return AuditConnection(try await base.connect(role, signals: signals), file)
    }
}

// snippet.audit-connection
/// Notes what is published, and passes everything on.
private final class AuditConnection: DriverConnection {
    private let base: any DriverConnection
    private let file: Mutex<FileHandle>

    init(_ base: any DriverConnection, _ file: FileHandle) {
        self.base = base
        self.file = Mutex(file)
    }

    func publish(_ publish: Publish) {
        base.publish(
            publish.relayed { [self] outcome in
                if case .accepted = outcome {
                    let line = Data("\(publish.message.body.count) bytes to \(publish.address)\n".utf8)
                    file.withLock { try? $0.write(contentsOf: line) }
                }
                publish.finish(outcome)
            })
    }

    func subscribe(_ subscription: Subscription) { base.subscribe(subscription) }
    func unsubscribe(_ subscription: Subscription) { base.unsubscribe(subscription) }
    func close() async { await base.close() }
}
// snippet.end
