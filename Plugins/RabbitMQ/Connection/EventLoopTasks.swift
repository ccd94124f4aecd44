#if RabbitMQ
import DequeModule
import NIOCore
import SwitchboardCore

/// Runs tasks on an event loop, in rounds: some of those that are due, then what else the loop has to do.
///
/// So what the first of many have to send leaves before the last has run: one confirm may let a thousand go on, and the
/// broker would have nothing to do meanwhile.
///
/// An event loop runs all that is due before it looks at its sockets again. So tasks that make each other due without end,
/// as one that waits by yielding, would keep it from them: after some rounds on end the next one comes a moment later.
final class EventLoopTasks: TaskExecutor {
    private struct Jobs {
        var due: Deque<UnownedJob> = []
        var isScheduled = false
    }

    private static let jobsOfARound = 64
    private static let roundsOnEnd = 100
    private static let pause = TimeAmount.microseconds(100)

    private let eventLoop: any EventLoop
    private let jobs = Locked(Jobs())

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = jobs.withLock { jobs in
            jobs.due.append(job)
            defer { jobs.isScheduled = true }
            return !jobs.isScheduled
        }
        if isFirst { eventLoop.execute { self.runRound(1) } }
    }

    private func runRound(_ round: Int) {
        for _ in 0..<Self.jobsOfARound {
            let next = jobs.withLock { jobs in
                let job = jobs.due.popFirst()
                jobs.isScheduled = job != nil
                return job
            }
            guard let next else { return }
            next.runSynchronously(on: asUnownedTaskExecutor())
        }
        if round < Self.roundsOnEnd {
            eventLoop.execute { self.runRound(round + 1) }
        } else {
            eventLoop.scheduleTask(in: Self.pause) { self.runRound(1) }
        }
    }
}
#endif
