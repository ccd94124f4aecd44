import Foundation
import SwitchboardCore
import SwitchboardSpool

/// Writes what a tap sees into a recording, in groups: what comes while one is written is in the next.
///
///     take ──▶ pending ──▶ redacted, encoded (on all processors) ──▶ written
///
/// What is on its way is bounded: ``take(_:)`` waits then, and the tap counts what it has to let go.
final class Recorder: Sendable {
    /// As many messages were taken as were asked for.
    struct Enough: Error {}

    private struct State {
        var progress = RecordingProgress()
        var pending: [TappedMessage] = []
        /// Messages that were taken and aren't written yet, and their bytes.
        var heldMessages = 0
        var heldBytes = 0
        var taken = 0
        var failure: TransportError?
        /// Those that wait for room.
        var waiting: [AsyncStream<Never>.Continuation] = []

        var isFull: Bool { heldMessages >= Recorder.mostMessages || heldBytes >= Recorder.mostBytes }
    }

    private static let mostMessages = 16_384
    private static let mostBytes = 64 << 20
    private static let groupMessages = 2048
    private static let groupBytes = 4 << 20

    private let directory: String
    private let bus: TransportURL?
    /// `nil`: as they are.
    private let redaction: TapRedaction?
    private let count: Int?
    private let state = Locked(State())
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - directory: made where it isn't there; a recording that is there goes on.
    ///   - bus: where it is recorded, for `replay` to know it again.
    ///   - redaction: masks secrets; `nil` keeps messages as they are.
    ///   - count: how many messages are recorded; `nil`: all that come.
    init(to directory: String, of bus: TransportURL? = nil, redaction: TapRedaction?, count: Int? = nil) {
        self.directory = directory
        self.bus = bus
        self.redaction = redaction
        self.count = count
        (arrivals, arrival) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    var progress: RecordingProgress { state.withLock { $0.progress } }

    // MARK: Taking

    /// Takes what the tap has to say. Call it for one event after the other. What it has taken will be written, whatever is
    /// cancelled; it takes nothing more in a task that is.
    func take(_ event: TapEvent) async throws {
        switch event {
        case .began: break
        case .missed(let count): state.withLock { $0.progress.missed += count }
        case .lost: state.withLock { $0.progress.gaps += 1 }
        case .message(let message):
            guard message.motion == .published else { return }
            guard message.defect == nil else { return state.withLock { $0.progress.unreadable += 1 } }
            try await waitForRoom()
            let isLast = state.withLock { state in
                state.pending.append(message)
                state.heldMessages += 1
                state.heldBytes += message.message.body.count
                state.taken += 1
                return state.taken == count
            }
            arrival.yield()
            if isLast { throw Enough() }
        }
    }

    private func waitForRoom() async throws {
        while true {
            try Task.checkCancellation()
            let (stream, source) = AsyncStream.makeStream(of: Never.self)
            let isFree = try state.withLock { state throws(Failure) in
                if let failure = state.failure { throw Self.failure(failure) }
                guard state.isFull else { return true }
                state.waiting.append(source)
                return false
            }
            if isFree { return }
            for await _ in stream {}
        }
    }

    private static func failure(_ error: TransportError) -> Failure {
        Failure("The recording can't be written: \(error.sentence)", exit: Recording.unusable)
    }

    // MARK: Writing

    /// Runs `body` while the recording is open, and returns or throws when all that was taken is written, also when the task
    /// is cancelled. When it can't be written, `body` is cancelled.
    func recording(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let isNew = !FileManager.default.fileExists(atPath: directory)
        let appender: SpoolAppender
        do throws(TransportError) {
            appender = try await SpoolAppender.open(
                Recording.configuration(directory), queue: Recording.topic, logger: Doctor.silent)
        } catch {
            throw Self.failure(error)
        }
        let failure = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask { [self] in
                defer { arrival.finish() }
                do { return .success(try await body()) } catch { return .failure(error) }
            }
            group.addTask { [self] in
                for await _ in arrivals {
                    await write(to: appender)
                    if let error = state.withLock({ $0.failure }) { return .failure(Self.failure(error)) }
                }
                return .success(())
            }
            var failure: (any Error)?
            for await result in group {
                guard case .failure(let error) = result else { continue }
                failure = failure ?? error
                group.cancelAll()
            }
            return failure
        }
        // A task that is cancelled doesn't see all that arrived.
        await write(to: appender)
        await appender.close()
        if let error = state.withLock({ $0.failure }) { throw Self.failure(error) }
        guard let failure else { return }
        // Nothing was recorded, as it couldn't be: no directory is left that looks like a recording.
        if isNew, progress.recorded == 0, !(failure is CancellationError) {
            try? FileManager.default.removeItem(atPath: directory)
        }
        throw failure
    }

    /// Writes what is pending. No part of it is cut short by cancellation.
    private func write(to appender: SpoolAppender) async {
        while true {
            var rest: ArraySlice<TappedMessage> = state.withLock { state in
                defer { state.pending = [] }
                return state.failure == nil ? state.pending[...] : []
            }
            if rest.isEmpty { return }
            while !rest.isEmpty {
                var bytes = 0
                let group = rest.prefix(Self.groupMessages).prefix { message in
                    defer { bytes += message.message.body.count }
                    return bytes < Self.groupBytes
                }
                rest = rest.dropFirst(group.count)
                let encoded = await encode(group, for: appender)
                let outcome = await appender.append(encoded.map(\.bytes))
                settle(group, encoded, outcome)
                if outcome.failure != nil { return }
            }
        }
    }

    private func settle(
        _ group: ArraySlice<TappedMessage>, _ encoded: [Encoded], _ outcome: SpoolAppender.Outcome
    ) {
        let waiting = state.withLock { state in
            state.heldMessages -= group.count
            state.heldBytes -= group.reduce(0) { $0 + $1.message.body.count }
            state.progress.recorded += outcome.written
            state.progress.bytes += encoded.prefix(outcome.written).reduce(0) { $0 + $1.size }
            state.failure = state.failure ?? outcome.failure
            defer { state.waiting = [] }
            return state.waiting
        }
        for source in waiting { source.finish() }
    }

    private struct Encoded: Sendable {
        var bytes: [UInt8]
        /// That of the message's body.
        var size: Int
    }

    /// The messages as they will lie on the disk, in their order. Redaction takes most of the time, so all processors do it.
    private func encode(_ group: ArraySlice<TappedMessage>, for appender: SpoolAppender) async -> [Encoded] {
        let parts = max(1, min(Self.processors, group.count / 32))
        let size = (group.count + parts - 1) / parts
        // With the first.
        let bus = progress.recorded == 0 ? bus : nil
        return await withTaskGroup(of: (Int, [Encoded]).self) { [redaction] tasks in
            for index in 0..<parts {
                let part = group.dropFirst(index * size).prefix(size)
                tasks.addTask {
                    let encoded = part.enumerated().map { place, message in
                        let isFirst = index == 0 && place == 0
                        let stored = RecordedMessage(message, redaction: redaction, bus: isFirst ? bus : nil).stored
                        return Encoded(bytes: appender.encode(stored), size: stored.body.count)
                    }
                    return (index, encoded)
                }
            }
            var results = [[Encoded]](repeating: [], count: parts)
            for await (index, encoded) in tasks { results[index] = encoded }
            return Array(results.joined())
        }
    }

    private static let processors = min(8, ProcessInfo.processInfo.activeProcessorCount)
}
