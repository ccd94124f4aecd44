import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

/// A transport over a scripted driver, by a clock that the test turns.
struct TransportBed: Sendable {
    let driver: ScriptedDriver
    let clock = TurnedClock()
    let transport: Transport
    let address = Address.topic(Topic("t"))

    static let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    init(_ driver: ScriptedDriver = ScriptedDriver(), over decorated: (any TransportDriver)? = nil, waiting: Int = 100)
    {
        self.driver = driver
        var configuration = TransportConfiguration()
        configuration.maximumWaitingPublishes = waiting
        transport = Transport(
            driver: decorated ?? driver, url: TransportURL(scheme: "test"), configuration: configuration,
            clock: clock.clock, logger: Self.logger)
    }

    /// Runs the transport for as long as `body` runs.
    func run(_ body: (Task<Void, any Error>) async throws -> Void) async throws {
        let run = Task { try await transport.run() }
        do {
            try await body(run)
        } catch {
            run.cancel()
            _ = await run.result
            throw error
        }
        run.cancel()
        // What is under way ends when the time for that is over.
        await turn { transport.state.isClosed }
        _ = await run.result
    }

    func until(_ state: TransportState) async {
        await until { $0 == state }
    }

    func until(_ condition: (TransportState) -> Bool) async {
        for await state in transport.states() where condition(state) { return }
        #expect(condition(transport.state), "\(transport.state)")
    }

    /// Turns the clock on and on, until the condition holds.
    func turn(until condition: () -> Bool) async {
        while !condition(), !Task.isCancelled {
            clock.turn(by: .milliseconds(500))
            await Task.yield()
        }
        #expect(condition())
    }

    /// Publishes; asking the result for its error waits for it.
    func publish(_ body: UInt8, within time: Duration = .seconds(30), allowsDuplicates: Bool = false) -> Sending {
        let sending = Sending(driver.changes)
        do throws(TransportError) {
            sending.pending = try transport.publish(
                Message(body: [body]), to: address, deadline: clock.now + time, allowsDuplicates: allowsDuplicates,
                completion: { sending.end($0) })
        } catch {
            sending.end(error)
        }
        return sending
    }
}

extension TransportState {
    var isClosed: Bool { if case .closed = self { true } else { false } }
}

/// A publish of a test, and what it came to.
final class Sending: Sendable {
    private struct State: Sendable {
        var pending: PendingPublish?
        var ends: [TransportError?] = []
    }

    private let state = Locked(State())
    private let changes: Changes

    init(_ changes: Changes) {
        self.changes = changes
    }

    var pending: PendingPublish? {
        get { state.withLock { $0.pending } }
        set { state.withLock { $0.pending = newValue } }
    }

    func end(_ error: TransportError?) {
        state.withLock { $0.ends.append(error) }
        changes.notify()
    }

    var isOver: Bool { state.withLock { !$0.ends.isEmpty } }

    /// Its error, once it is over; `nil` if the message was accepted.
    var error: TransportError? {
        get async {
            await changes.until { isOver }
            let ends = state.withLock { $0.ends }
            #expect(ends.count == 1)
            return ends.first ?? nil
        }
    }

    var code: TransportError.Code? {
        get async { await error?.code }
    }
}
