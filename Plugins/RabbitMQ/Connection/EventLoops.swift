#if RabbitMQ
import NIOCore
import NIOPosix

/// The event loop of all RabbitMQ connections of the process: one thread, however many lines there are.
///
/// Never shut down: connections hold its executor unowned, so it has to outlive them.
enum EventLoops {
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Runs tasks on that thread.
    static let taskExecutor = EventLoopTasks(group.next())

    static let wakeUps = LoopWakeUps(group.next())

    static func next() -> any EventLoop { group.next() }
}

extension TimeAmount {
    /// A day is the most: whatever waits longer looks again then.
    init(clamping duration: Duration) {
        self = .nanoseconds(Int64(min(max(duration, .zero), .seconds(86400)) / .nanoseconds(1)))
    }
}
#endif
