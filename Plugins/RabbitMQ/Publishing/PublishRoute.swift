#if RabbitMQ
import NIOCore
import SwitchboardCore

/// An address as the publisher knows it: where it leads, and the publish method's bytes, encoded once.
final class PublishRoute {
    let plan: PublishPlan
    /// When its declarations were last seen to be done, in the publisher's counting.
    var declaredEpoch: UInt64 = 0
    /// Whether the plan itself makes a queue that takes the message. Such a publish is always mandatory on the wire: the
    /// broker's "nobody took it" then means that what was declared is gone.
    let bindsQueue: Bool
    let frame: [UInt8]
    let mandatoryFrame: [UInt8]

    init(_ plan: PublishPlan, channel: UInt16) throws(TransportError) {
        self.plan = plan
        bindsQueue = plan.declarations.contains { if case .binding = $0 { true } else { false } }
        frame = try Self.encode(plan, mandatory: bindsQueue, channel)
        mandatoryFrame = try Self.encode(plan, mandatory: true, channel)
    }

    private static func encode(
        _ plan: PublishPlan, mandatory: Bool, _ channel: UInt16
    ) throws(TransportError) -> [UInt8] {
        var buffer = ByteBuffer()
        try buffer.writePublish(
            exchange: plan.exchange, routingKey: plan.routingKey, mandatory: mandatory, channel: channel)
        return Array(buffer.readableBytesView)
    }
}

/// What is being declared for an address, step by step.
struct RouteDeclaration {
    let address: Address
    /// What is to be declared, but for steps that the broker refuses and that can be gone without.
    private(set) var steps: [Declaration]
    /// How many of them the broker has answered.
    var done = 0
    var attempts = 0

    init(address: Address, plan: PublishPlan) {
        self.address = address
        steps = plan.declarations
    }

    /// Declares what a broker takes that demands this.
    mutating func adapt(to demands: BrokerDemands) {
        steps = demands.adapted(steps, for: address)
    }

    /// Leaves out the step that the broker is to answer next.
    mutating func leaveOut() -> Declaration { steps.remove(at: done) }
}
#endif
