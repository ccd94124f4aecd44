#if MariaDB
    internal import DequeModule
    internal import Dispatch
    internal import SwitchboardCells
    internal import SwitchboardCore

    /// A bounded queue of calls, and the few threads that work on them.
    ///
    /// A thread is started when a call finds none idle and there may be one more. All end with ``stop()``.
    final class Lane: Sendable {
        /// What a thread does for a call.
        typealias Work = @Sendable (Worker) -> Void

        private struct Job: Sendable {
            var call: any PendingCall
            var work: Work
        }

        private struct State {
            var waiting: Deque<Job> = []
            /// The threads that sleep, by what wakes them. Who slept for the shortest time is woken first, so that spare ones
            /// stay idle.
            var idle: [DispatchSemaphore] = []
            var threads = 0
            var isStopping = false
            /// All calls that aren't over, to end those whose time is.
            var pending: [ObjectIdentifier: any PendingCall] = [:]
            var sweepsAt: ContinuousClock.Instant?
        }

        private enum Submission: Sendable {
            case refused
            case queued(wakes: DispatchSemaphore?, starts: Bool, sweepsAt: ContinuousClock.Instant?)
        }

        private enum Step: Sendable {
            case work(Job)
            case sleep
            case end
        }

        private let server: MariaDBServer
        private let session: MariaDBConnection.Session
        private let guests: GuestSeat?
        private let mostThreads: Int
        private let limit: Int
        private let timer: DispatchQueue
        private let state = Locked(State())

        /// - Parameters:
        ///   - threads: how many threads, and connections, there are at most.
        ///   - limit: how many calls may wait for one.
        ///   - guests: where callers use connections themselves.
        init(
            _ server: MariaDBServer, _ session: MariaDBConnection.Session, threads: Int, limit: Int,
            guests: GuestSeat? = nil
        ) {
            self.server = server
            self.session = session
            self.guests = guests
            mostThreads = max(1, threads)
            self.limit = max(1, limit)
            timer = DispatchQueue(label: "switchboard.mariadb.deadlines")
        }

        /// Takes a call; refuses it when too many wait.
        func submit(_ call: some PendingCall, _ work: @escaping Work) {
            let outcome: Submission = state.withLock { state in
                guard state.waiting.count < limit else { return .refused }
                state.waiting.append(Job(call: call, work: work))
                state.pending[ObjectIdentifier(call)] = call
                var sweep: ContinuousClock.Instant?
                if state.sweepsAt.map({ call.deadline < $0 }) ?? true {
                    state.sweepsAt = call.deadline
                    sweep = call.deadline
                }
                let sleeper = state.idle.popLast()
                let starts = sleeper == nil && state.threads < mostThreads
                if starts { state.threads += 1 }
                return .queued(wakes: sleeper, starts: starts, sweepsAt: sweep)
            }
            switch outcome {
            case .refused:
                call.fail(
                    CellError(
                        .exhausted,
                        "\(limit) calls wait for a connection to the database \(server.address) already; try again later."
                    ))
            case .queued(let sleeper, let starts, let sweep):
                sleeper?.signal()
                if starts { startThread() }
                if let sweep { scheduleSweep(at: sweep) }
            }
        }

        /// Lets the threads end, and with them their connections.
        func stop() {
            let sleepers = state.withLock { state in
                state.isStopping = true
                defer { state.idle = [] }
                return state.idle
            }
            for sleeper in sleepers { sleeper.signal() }
        }

        // MARK: - Threads

        private func startThread() {
            let number = BlockingThread.start { [self] in
                let worker = Worker(server, session, guests: guests)
                let alarm = DispatchSemaphore(value: 0)
                while true {
                    switch nextStep(alarm) {
                    case .work(let job):
                        job.work(worker)
                        state.withLock { _ = $0.pending.removeValue(forKey: ObjectIdentifier(job.call)) }
                    case .sleep: alarm.wait()
                    case .end: return
                    }
                }
            }
            guard number != 0 else { return }
            let stranded: [Job] = state.withLock { state in
                state.threads -= 1
                // Threads that there are take up what waits.
                guard state.threads == 0 else { return [] }
                let jobs = Array(state.waiting)
                state.waiting = []
                for job in jobs { state.pending[ObjectIdentifier(job.call)] = nil }
                return jobs
            }
            for job in stranded {
                job.call.fail(
                    CellError(
                        .directoryUnavailable,
                        "This process has no thread left for the database \(server.address) (error \(number)): raise its limit."
                    ))
            }
        }

        private func nextStep(_ alarm: DispatchSemaphore) -> Step {
            state.withLock { state in
                if let job = state.waiting.popFirst() { return .work(job) }
                if state.isStopping {
                    state.threads -= 1
                    return .end
                }
                state.idle.append(alarm)
                return .sleep
            }
        }

        // MARK: - Deadlines

        private func scheduleSweep(at moment: ContinuousClock.Instant) {
            let rest = max(.zero, ContinuousClock.now.duration(to: moment))
            let nanoseconds = Int(
                clamping: (rest / .nanoseconds(1)).rounded(.up) < 9e18 ? Int64(rest / .nanoseconds(1)) : .max)
            timer.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [weak self] in self?.sweep() }
        }

        /// Ends the calls whose time is over, whether a thread is at them or not.
        private func sweep() {
            let now = ContinuousClock.now
            let (expired, next, busy) = state.withLock { state in
                let expired = state.pending.values.filter { $0.deadline <= now }
                for call in expired { state.pending[ObjectIdentifier(call)] = nil }
                state.waiting.removeAll { $0.call.deadline <= now }
                state.sweepsAt = state.pending.values.map(\.deadline).min()
                return (expired, state.sweepsAt, state.threads - state.idle.count)
            }
            for call in expired {
                call.expire { phase in
                    server.timeout(of: session, phase, busy: busy)
                }
            }
            if let next { scheduleSweep(at: next) }
        }
    }
#endif
