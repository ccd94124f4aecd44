public import SwitchboardCore

/// Which faults happen when. The same plan over the same messages gives the same faults, however tasks interleave.
///
///     FaultPlan(seed: 7)
///         .onPublish(.number(3), .dropConnection(outage: .milliseconds(100)))
///         .onPublish(.chance(0.1), .duplicate)
///         .onDelivery(.every(5), .reorder(within: .milliseconds(20)))
public struct FaultPlan: Sendable, Hashable {
    /// When a fault happens. Publishes and deliveries are counted apart, from 1 on, each over all addresses.
    public enum Occasion: Sendable, Hashable {
        case number(Int)
        case every(Int)
        /// With a probability from 0 to 1, decided by the seed and the number.
        case chance(Double)
    }

    /// What happens to a publish.
    public enum PublishFault: Sendable, Hashable {
        /// It is not sent and fails with this code.
        case refuse(TransportError.Code)
        /// It is not sent, and its publisher cannot know: `indeterminate`.
        case lose
        /// It is sent, and its publisher cannot know: `indeterminate`.
        case loseConfirmation
        /// It is sent twice.
        case duplicate
        /// It is sent later.
        case delay(Duration)
        /// The connection is lost before it is sent; it waits for the next one, which takes `outage`.
        case dropConnection(outage: Duration)
        /// From now on nothing moves and nothing fails; after the time the connection is found to be lost.
        case halfOpen(Duration)
    }

    /// What happens to a delivery.
    public enum DeliveryFault: Sendable, Hashable {
        /// It comes later, and what is behind it too.
        case delay(Duration)
        /// It comes after the next one, or after the time when there is none.
        case reorder(within: Duration)
        /// The connection is lost when it has come; what is unsettled comes again after `outage`.
        case dropConnection(outage: Duration)
    }

    struct Rule<Fault: Sendable & Hashable>: Sendable, Hashable {
        let occasion: Occasion
        let fault: Fault
    }

    public var seed: UInt64

    private(set) var publishing: [Rule<PublishFault>] = []
    private(set) var delivering: [Rule<DeliveryFault>] = []

    /// A plan without faults.
    public init(seed: UInt64 = 0) {
        self.seed = seed
    }

    /// This plan and one more fault. Of several for one publish, the first that was added happens.
    public func onPublish(_ occasion: Occasion, _ fault: PublishFault) -> FaultPlan {
        Self.check(occasion)
        var plan = self
        plan.publishing.append(Rule(occasion: occasion, fault: fault))
        return plan
    }

    /// This plan and one more fault. Of several for one delivery, the first that was added happens.
    public func onDelivery(_ occasion: Occasion, _ fault: DeliveryFault) -> FaultPlan {
        Self.check(occasion)
        var plan = self
        plan.delivering.append(Rule(occasion: occasion, fault: fault))
        return plan
    }

    private static func check(_ occasion: Occasion) {
        switch occasion {
        case .number(let number), .every(let number):
            precondition(number >= 1, "Publishes and deliveries are counted from 1 on; \(number) never comes.")
        case .chance(let chance):
            precondition((0...1).contains(chance), "A chance is from 0 to 1, not \(chance).")
        }
    }

    func fault(ofPublish number: Int) -> PublishFault? {
        fault(number, publishing, salt: 1)
    }

    func fault(ofDelivery number: Int) -> DeliveryFault? {
        fault(number, delivering, salt: 2)
    }

    private func fault<Fault>(_ number: Int, _ rules: [Rule<Fault>], salt: UInt64) -> Fault? {
        for (index, rule) in rules.enumerated() {
            let happens =
                switch rule.occasion {
                case .number(let wanted): number == wanted
                case .every(let period): number % period == 0
                case .chance(let chance): dice(salt, UInt64(index), UInt64(number)) < chance
                }
            if happens { return rule.fault }
        }
        return nil
    }

    /// A number from 0 to 1 that depends on nothing but the seed and what is asked (SplitMix64's mixer).
    private func dice(_ values: UInt64...) -> Double {
        var hash = seed
        for value in values {
            hash = (hash ^ value) &+ 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
            hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
            hash ^= hash >> 31
        }
        return Double(hash >> 11) / Double(1 << 53)
    }
}

/// A fault that happened.
public enum FaultEvent: Sendable, Hashable {
    case publish(number: Int, FaultPlan.PublishFault)
    case delivery(number: Int, FaultPlan.DeliveryFault)
}
