#if RabbitMQ
import NIOCore
import SwitchboardCore

/// Puts off waking the event loop until the tasks that a turn of it has resumed have run.
///
/// A turn that resumes many callers and handlers is followed by as many publishes and acceptances. Each would wake the loop
/// before the next one is there, and the loop would write them one by one, which costs the broker most of all. So a marker is
/// put behind the resumed tasks, and until it is reached, what wants to wake the loop is held.
///
///     idle ──a turn resumed several──▶ holding ──the marker is reached, or the hold gets old──▶ idle
///
/// The marker is reached at once where those tasks run on other executors. Then nothing is held, and after some such turns
/// most go without a marker.
final class LoopWakeUps: Sendable {
    /// In a structure: a function that leaves the lock by itself is wrapped in another one, which is allocated.
    private struct Drain: Sendable {
        let run: @Sendable () -> Void
    }

    private struct State {
        var isHolding = false
        var held: [Drain] = []
        /// Whether something was held since holding began.
        var wasUsed = false
        /// What the marker waits with, until there are tasks to go behind.
        var marker: UnsafeContinuation<Void, Never>?
        /// Whether it goes at once, as there were tasks when it was not back yet.
        var isMarkerDue = false
        /// How many holds on end were of no use.
        var useless = 0
        /// How many turns go without one.
        var skipped = 0
        /// Counts the holds.
        var number = 0
        /// The last hold when the timer was set; `nil` where none is.
        var numberAtTimer: Int?
    }

    /// From how many resumed tasks on it pays.
    private static let leastResumed = 2
    /// How many useless holds are put up with, and the most turns that go without one then, as a power of two.
    private static let (mostUseless, mostSkipped) = (8, 6)

    private let eventLoop: any EventLoop
    private let oldAge: TimeAmount
    private let waitBehindTasks: @Sendable () async -> Void
    private let state = Locked(State())

    /// - Parameters:
    ///   - oldAge: after this, and at the latest after twice this, a hold ends. Tasks that compute, or block their thread, keep
    ///     the marker from running.
    ///   - waitBehindTasks: what the marker does before it has been reached. The tasks that were resumed may have resumed
    ///     others, so once more it lets those go first that are ready.
    init(
        _ eventLoop: any EventLoop, oldAge: TimeAmount = .milliseconds(2),
        waitBehindTasks: @escaping @Sendable () async -> Void = { await Task.yield() }
    ) {
        self.eventLoop = eventLoop
        self.oldAge = oldAge
        self.waitBehindTasks = waitBehindTasks
        // As the loop, it stays for as long as the process.
        Task.detached { await self.mark() }
    }

    /// Takes a function that is to run on the loop, and runs it there soon. `false`: wake the loop for it.
    func hold(_ drain: @escaping @Sendable () -> Void) -> Bool {
        // What comes from the loop itself wakes no thread.
        if eventLoop.inEventLoop { return false }
        return state.withLock { state in
            guard state.isHolding else { return false }
            state.held.append(Drain(run: drain))
            state.wasUsed = true
            return true
        }
    }

    /// Whether what comes now is held.
    var isHolding: Bool { state.withLock { $0.isHolding } }
    /// How many turns go without a hold from now on.
    var skipped: Int { state.withLock { $0.skipped } }

    // MARK: On the loop

    /// A turn is over, which resumed so many tasks, or less.
    func turnEnded(resumed: Int) {
        guard resumed >= Self.leastResumed else { return }
        let (marker, needsTimer) = state.withLock { state -> (UnsafeContinuation<Void, Never>?, Bool) in
            if state.isHolding { return (nil, false) }
            if state.skipped > 0 {
                state.skipped -= 1
                return (nil, false)
            }
            state.isHolding = true
            state.number += 1
            state.isMarkerDue = state.marker == nil
            defer { state.numberAtTimer = state.numberAtTimer ?? state.number }
            return (state.marker.take(), state.numberAtTimer == nil)
        }
        marker?.resume()
        if needsTimer { eventLoop.scheduleTask(in: oldAge) { self.endOldHold() } }
    }

    /// Runs what is held: the loop is awake anyway.
    func runHeld() {
        let held = state.withLock { state in
            if state.held.isEmpty { return [] as [Drain] }
            defer { state.held.removeAll(keepingCapacity: true) }
            return state.held
        }
        for drain in held { drain.run() }
    }

    /// Ends a hold that was there when the timer was set. There is a timer for as long as there are holds.
    private func endOldHold() {
        let isNeeded = state.withLock { state in
            let isOld = state.isHolding && state.number == state.numberAtTimer
            if isOld { state.isHolding = false }
            let hasNew = state.number != state.numberAtTimer
            state.numberAtTimer = hasNew ? state.number : nil
            return hasNew
        }
        runHeld()
        if isNeeded { eventLoop.scheduleTask(in: oldAge) { self.endOldHold() } }
    }

    // MARK: Behind the tasks

    private func mark() async {
        while true {
            await withUnsafeContinuation { (marker: UnsafeContinuation<Void, Never>) in
                let isDue = state.withLock { state in
                    if !state.isMarkerDue { state.marker = marker }
                    defer { state.isMarkerDue = false }
                    return state.isMarkerDue
                }
                if isDue { marker.resume() }
            }
            await waitBehindTasks()
            let hasHeld = state.withLock { state in
                state.isHolding = false
                state.useless = state.wasUsed ? 0 : min(state.useless + 1, Self.mostUseless + Self.mostSkipped)
                state.skipped = state.useless < Self.mostUseless ? 0 : 1 << (state.useless - Self.mostUseless)
                state.wasUsed = false
                return !state.held.isEmpty
            }
            if hasHeld { eventLoop.execute { self.runHeld() } }
        }
    }
}
#endif
