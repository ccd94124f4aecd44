#if RabbitMQ
import SwitchboardCore
import Synchronization

/// What a subscription takes along from one connection to the next. The last reference gives its queue's name back.
final class SubscriptionHistory: Sendable {
    struct State: Sendable {
        /// Between attempts that the broker has refused since the subscription was live.
        var refusals = DoublingPause()
        /// Between attempts over which the broker may have failed.
        var failures = DoublingPause(longest: FailingDeclarations.longestPause)
        /// Until when it is not tried, whatever connection there is: the broker may have failed over it.
        var suspendedUntil: Moment?
        /// Why it is not live, or was not the last time.
        var lastReason: String?
        /// How often on end the broker has not answered what sets it up.
        var silences = 0
        /// A stream's position: where to go on after a reconnect.
        var nextOffset: Int64?
        /// What people have been told of it.
        var told: Set<String> = []
    }

    let plan: SubscriptionPlan
    private let name: QueueName
    private let state = Locked(State())
    private let ending = Atomic<Bool>(false)

    init(_ plan: SubscriptionPlan, name: QueueName) {
        self.plan = plan
        self.name = name
    }

    deinit {
        name.release()
    }

    func change<Result: Sendable>(_ body: @Sendable (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// Whether the subscriber is done: what is settled afterwards has gone back to the queue already.
    var hasEnded: Bool { ending.load(ordering: .acquiring) }

    func end() { ending.store(true, ordering: .releasing) }

    /// Whether people are to be told of something: once, and not of ever more.
    func tells(_ text: String) -> Bool {
        change { $0.told.count < 100 && $0.told.insert(text).inserted }
    }
}
#endif
