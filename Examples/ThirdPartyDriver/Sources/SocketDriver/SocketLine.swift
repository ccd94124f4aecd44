import SwitchboardCore
import Synchronization

/// The driver's session, while there is one, and what has to be restored with the next.
final class SocketLine: Sendable {
    enum Session: Sendable {
        case up(SocketSession)
        case over
        case tooLate
    }

    private struct State: Sendable {
        var hasBegun = false
        var isOver = false
        var session: SocketSession?
        var subscriptions: [ObjectIdentifier: SocketSubscription] = [:]
        var nextID: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Session, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Whether it is the first time.
    func begin() -> Bool {
        state.withLock { state in
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
    }

    /// Restores the subscriptions in a new session, lets those in who wait, and serves until it ends.
    func serve(_ session: SocketSession, _ isUp: () -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await session.serve() }
            // A subscription that the hub does not take any more ends with the hub's reason.
            for subscription in state.withLock({ Array($0.subscriptions.values) }) {
                if case .failed(let error) = await session.subscribe(subscription, until: .now + .seconds(30)) {
                    subscription.finish(error)
                }
            }
            let waiting = state.withLock { state in
                state.session = session
                defer { state.waiting = [:] }
                return Array(state.waiting.values)
            }
            isUp()
            for continuation in waiting { continuation.resume(returning: .up(session)) }
            await group.waitForAll()
            state.withLock { $0.session = nil }
        }
    }

    /// `run()` has ended.
    func end(_ error: TransportError) {
        let (waiting, subscriptions) = state.withLock { state in
            state.isOver = true
            defer { (state.waiting, state.subscriptions) = ([:], [:]) }
            return (Array(state.waiting.values), Array(state.subscriptions.values))
        }
        for continuation in waiting { continuation.resume(returning: .over) }
        for subscription in subscriptions { subscription.finish(error) }
    }

    func add(_ subscription: SocketSubscription) {
        state.withLock { $0.subscriptions[ObjectIdentifier(subscription)] = subscription }
    }

    /// Ends a subscription; what it had not settled has gone back when this returns.
    func remove(_ subscription: SocketSubscription) async {
        let session = state.withLock { state in
            state.subscriptions[ObjectIdentifier(subscription)] = nil
            return state.session
        }
        subscription.finish(nil)
        await session?.unsubscribe(subscription)
    }

    /// The session that is up; waits for it until the deadline.
    func session(until deadline: ContinuousClock.Instant?) async -> Session {
        let (id, now): (UInt64, Session?) = state.withLock { state in
            state.nextID += 1
            return (state.nextID, Self.session(of: state))
        }
        if let now { return now }
        return await withTaskGroup(of: Void.self) { group in
            if let deadline {
                group.addTask {
                    try? await Task.sleep(until: deadline, clock: .continuous)
                    self.giveUp(id)
                }
            }
            let session = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let early: Session? = state.withLock { state in
                        if let session = Self.session(of: state) { return session }
                        if Task.isCancelled || deadline.map({ $0 <= .now }) == true { return .tooLate }
                        state.waiting[id] = continuation
                        return nil
                    }
                    if let early { continuation.resume(returning: early) }
                }
            } onCancel: {
                self.giveUp(id)
            }
            group.cancelAll()
            return session
        }
    }

    private static func session(of state: State) -> Session? {
        state.isOver ? .over : state.session.map { .up($0) }
    }

    private func giveUp(_ id: UInt64) {
        let continuation = state.withLock { $0.waiting.removeValue(forKey: id) }
        continuation?.resume(returning: .tooLate)
    }
}
