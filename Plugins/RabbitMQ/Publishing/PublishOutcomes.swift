#if RabbitMQ
import SwitchboardCore

/// The tries that have ended during a turn of the loop. Callers go on at its end, together.
final class PublishOutcomes {
    @exclusivity(unchecked) private var ended: [(publish: Publish, outcome: PublishOutcome)] = []

    func add(_ publish: Publish, _ outcome: PublishOutcome) {
        ended.append((publish, outcome))
    }

    /// Tells `Transport`. Nothing that is called from here comes back before it returns: callers leave their work in the
    /// inbox.
    ///
    /// - Returns: how many callers go on.
    func tell() -> Int {
        guard !ended.isEmpty else { return 0 }
        var awaited = 0
        for (publish, outcome) in ended {
            if publish.isAwaited { awaited += 1 }
            publish.finish(outcome)
        }
        ended.removeAll(keepingCapacity: true)
        return awaited
    }
}

/// What a publish that was not taken remembers from one try to the next.
final class PublishTroubles: Sendable {
    struct Counts: Sendable {
        /// How often it was returned although its route declares a queue.
        var returns = 0
        /// How often a channel exception sent it back.
        var exceptions = 0
        /// How often the broker refused it with a `basic.nack`.
        var refusals = 0
    }

    private let counts = Locked(Counts())

    /// The troubles of a publish so far, with one more.
    static func note(_ publish: Publish, _ count: WritableKeyPath<Counts, Int>) -> Counts {
        let troubles =
            publish.memory as? PublishTroubles
            ?? {
                let new = PublishTroubles()
                publish.memory = new
                return new
            }()
        return troubles.counts.withLock { counts in
            counts[keyPath: count] += 1
            return counts
        }
    }

    /// How often a publish was returned so far.
    static func returns(of publish: Publish) -> Int {
        (publish.memory as? PublishTroubles)?.counts.withLock { $0.returns } ?? 0
    }
}
#endif
