#if RabbitMQ
import NIOCore
import SwitchboardCore

/// Runs tasks on an event loop, in rounds: those that are due together, then what else the loop has to do.
///
/// An event loop runs all that is due before it looks at its sockets again. So tasks that make each other due without end,
/// as one that waits by yielding, would keep it from them: after some rounds on end the next one comes a moment later.
final class EventLoopTasks: TaskExecutor {
    private struct Jobs {
        var due: [UnownedJob] = []
        var isScheduled = false
    }

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
        let due = jobs.withLock { jobs in
            defer { jobs.due = [] }
            return jobs.due
        }
        for job in due { job.runSynchronously(on: asUnownedTaskExecutor()) }
        let hasMore = jobs.withLock { jobs in
            jobs.isScheduled = !jobs.due.isEmpty
            return jobs.isScheduled
        }
        guard hasMore else { return }
        if round < Self.roundsOnEnd {
            eventLoop.execute { self.runRound(round + 1) }
        } else {
            eventLoop.scheduleTask(in: Self.pause) { self.runRound(1) }
        }
    }
}
#endif
