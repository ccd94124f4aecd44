#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// One after the other: RabbitMQ changes the list of virtual hosts that have the firehose on without a lock, so of two changes at the
/// same time one may be lost.
@Suite("Taps", .serialized)
enum Taps {}

/// What a tap has seen so far.
final class TapSight: Sendable {
    private let state = Locked<[TapEvent]>([])

    var events: [TapEvent] { state.withLock { $0 } }

    func add(_ event: TapEvent) {
        state.withLock { $0.append(event) }
    }

    var coverage: [TapCoverage] {
        events.compactMap { if case .began(let coverage) = $0 { coverage } else { nil } }
    }

    var messages: [TappedMessage] {
        events.compactMap { if case .message(let message) = $0 { message } else { nil } }
    }

    /// Everything joined; calls without an answer are open.
    func records(limits: CallJoiner.Limits = .init(), keepsValues: Bool = false) -> [TapRecord] {
        var joiner = CallJoiner(limits: limits, keepsValues: keepsValues)
        var records: [TapRecord] = []
        for message in messages where message.motion == .published { records += joiner.add(message) }
        return records + joiner.end()
    }

    func waits(
        _ sourceLocation: SourceLocation = #_sourceLocation, for isSo: (TapSight) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !isSo(self) {
            try #require(ContinuousClock.now < deadline, "\(events.count) events", sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

extension Bed {
    func trace(_ isOn: Bool) async throws {
        _ = try await broker.evaluate("rabbit_trace:\(isOn ? "start" : "stop")(<<\"\(name)\">>), <<\"done\">>.")
    }

    /// Runs `body` while a tap watches.
    func tapping(
        _ url: TransportURL? = nil, _ change: (inout TapWishes) -> Void = { _ in },
        _ body: @escaping @Sendable (TapSight) async throws -> Void
    ) async throws -> TapSight {
        var wishes = TapWishes()
        wishes.exchanges = ["nova"]
        change(&wishes)
        let sight = TapSight()
        let source = TapSource(url ?? self.url(), wishes)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source.run { sight.add($0) } }
            group.addTask {
                try await sight.waits { !$0.coverage.isEmpty }
                try await body(sight)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        return sight
    }

    /// Waits until all is there that was before, and nothing else.
    func waits(toBe before: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let now = try await everything()
            if now == before { return }
            try #require(
                ContinuousClock.now < deadline, "\(now.difference(from: before).map { "\($0)" })",
                sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Names of what is there, without the reply queues that callers and servers make when they first need them.
    func everything() async throws -> [String] {
        let queues = try await broker.queues(in: name).map(\.name).filter { !$0.hasPrefix("reply_") }
        let exchanges = try await broker.exchanges(in: name).map(\.name)
        let bindings = try await broker.bindings(in: name).filter { !$0.queue.hasPrefix("reply_") }.map { "\($0)" }
        return (queues + exchanges + bindings).sorted()
    }
}
#endif
