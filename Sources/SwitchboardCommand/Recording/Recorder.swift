import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

/// Writes what a tap sees into a recording, one message after the other.
final class Recorder: Sendable {
    /// As many messages were recorded as were asked for.
    struct Enough: Error {}

    struct Progress: Hashable, Sendable {
        var recorded = 0
        var bytes = 0
        /// Messages that came too fast for the tap.
        var missed = 0
        /// Messages that the tap couldn't take: too large, for example.
        var unreadable = 0
        /// How often the connection was lost: what passed then isn't there.
        var gaps = 0
    }

    private let driver: SpoolDriver
    /// `nil`: as they are.
    private let redaction: TapRedaction?
    private let count: Int?
    private let state = Locked(Progress())

    /// - Parameters:
    ///   - directory: made where it isn't there; a recording that is there goes on.
    ///   - redaction: masks secrets; `nil` keeps messages as they are.
    ///   - count: how many messages are recorded; `nil`: all that come.
    init(to directory: String, redaction: TapRedaction?, count: Int? = nil) {
        driver = SpoolDriver(configuration: Recording.configuration(directory), logger: Doctor.silent)
        self.redaction = redaction
        self.count = count
    }

    var progress: Progress { state.withLock { $0 } }

    /// Fails when the directory is a spool that isn't a recording.
    static func check(_ directory: String) throws {
        let inspector: SpoolInspector
        do throws(TransportError) {
            inspector = try SpoolInspector(SpoolConfiguration(directory: directory), logger: Doctor.silent)
        } catch {
            // There is none: it is made.
            return
        }
        defer { inspector.close() }
        if let other = try inspector.queues().first(where: { $0.name != Recording.queue }) {
            throw Failure(
                "\(directory) is a spool in use (it has the queue \(other.name)), not a recording. Choose another directory.",
                exit: 74)
        }
    }

    /// Runs `body` while the spool is open.
    func recording(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [driver] in try await driver.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Takes what the tap has to say. Call it for one event after the other.
    func take(_ event: TapEvent) async throws {
        switch event {
        case .began: break
        case .missed(let count): state.withLock { $0.missed += count }
        case .lost: state.withLock { $0.gaps += 1 }
        case .message(let message):
            guard message.motion == .published else { return }
            guard message.defect == nil else { return state.withLock { $0.unreadable += 1 } }
            try await record(message)
        }
    }

    private func record(_ tapped: TappedMessage) async throws {
        var message = redaction?.redacted(tapped.message) ?? tapped.message
        // Other headers are of those who sent it, and may hold anything.
        message.headers = message.headers.filter { ["compression", "properties.expiration"].contains($0.key) }
        let recorded = RecordedMessage(
            exchange: tapped.exchange, routingKey: tapped.routingKey, time: tapped.time, isRedacted: redaction != nil,
            message: message)
        do throws(TransportError) {
            try await driver.publish(
                recorded.stored, to: .topic(Recording.topic), options: PublishOptions(deadline: .now + .seconds(60)))
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            throw Failure("The recording can't be written: \(error.sentence)", exit: 74)
        }
        let isLast = state.withLock { progress in
            progress.recorded += 1
            progress.bytes += message.body.count
            return progress.recorded == count
        }
        if isLast { throw Enough() }
    }
}
