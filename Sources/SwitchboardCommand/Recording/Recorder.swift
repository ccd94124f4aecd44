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

    private struct State {
        var progress = Progress()
        var submitted = 0
        /// Messages on their way to the disk.
        var inFlight = 0
        var failure: TransportError?
    }

    private static let mostInFlight = 512

    private let transport: Transport
    /// `nil`: as they are.
    private let redaction: TapRedaction?
    private let count: Int?
    private let state = Locked(State())

    /// - Parameters:
    ///   - directory: made where it isn't there; a recording that is there goes on.
    ///   - redaction: masks secrets; `nil` keeps messages as they are.
    ///   - count: how many messages are recorded; `nil`: all that come.
    init(to directory: String, redaction: TapRedaction?, count: Int? = nil) {
        transport = Transport(
            driver: SpoolDriver(configuration: Recording.configuration(directory), logger: Doctor.silent),
            url: Self.url, logger: Doctor.silent)
        self.redaction = redaction
        self.count = count
    }

    private static let url = TransportURL(scheme: "spool")

    var progress: Progress { state.withLock { $0.progress } }

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

    /// Runs `body` while the spool is open, and returns when all that was taken is written. Cancel what is in `body`, not this.
    func recording(_ body: () async throws -> Void) async throws {
        try await withRunning(transport) {
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body())
            } catch {
                outcome = .failure(error)
            }
            while state.withLock({ $0.inFlight > 0 }) { try await Task.sleep(for: .milliseconds(2)) }
            try checkFailure()
            try outcome.get()
        }
    }

    private func checkFailure() throws(Failure) {
        if let error = state.withLock({ $0.failure }) {
            throw Failure("The recording can't be written: \(error.sentence)", exit: 74)
        }
    }

    /// Takes what the tap has to say. Call it for one event after the other.
    func take(_ event: TapEvent) async throws {
        switch event {
        case .began: break
        case .missed(let count): state.withLock { $0.progress.missed += count }
        case .lost: state.withLock { $0.progress.gaps += 1 }
        case .message(let message):
            guard message.motion == .published else { return }
            guard message.defect == nil else { return state.withLock { $0.progress.unreadable += 1 } }
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
        while state.withLock({ $0.inFlight >= Self.mostInFlight }) { try await Task.sleep(for: .milliseconds(1)) }
        try checkFailure()
        let isLast = state.withLock { state in
            state.inFlight += 1
            state.submitted += 1
            return state.submitted == count
        }
        let bytes = message.body.count
        do throws(TransportError) {
            // One after the other, so they keep their order.
            _ = try transport.publish(
                recorded.stored, to: .topic(Recording.topic), deadline: .now + .seconds(60)
            ) { [self] error in written(bytes, error) }
        } catch {
            written(bytes, error)
        }
        if isLast { throw Enough() }
    }

    private func written(_ bytes: Int, _ error: TransportError?) {
        state.withLock { state in
            state.inFlight -= 1
            state.failure = state.failure ?? error
            guard error == nil else { return }
            state.progress.recorded += 1
            state.progress.bytes += bytes
        }
    }
}
