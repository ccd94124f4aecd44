#if RabbitMQ
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Declarations that a program that worked can go without")
struct DispensableDeclarationTests {
    private static let exchange = Declaration.exchange(
        ExchangeDeclaration(name: "e", type: .topic, isDurable: false, deletesItself: false))
    private static let queue = Declaration.queue(
        QueueDeclaration(name: "q", isDurable: false, deletesItself: false, arguments: [:]))
    private static let binding = Declaration.binding(Binding(queue: "q", exchange: "e", key: "q"))

    private static func clash(_ argument: String, current: String = "'true'") -> IncomingMethod.Closure {
        .init(
            code: 406,
            text:
                "PRECONDITION_FAILED - inequivalent arg '\(argument)' for it in vhost '/': received 'false' but current is "
                + current)
    }

    struct Case: Sendable {
        var declaration: Declaration
        var closure: IncomingMethod.Closure
        /// For publishers, and for consumers of a queue.
        var publishes: Bool
        var consumes: Bool
    }

    private static let cases = [
        // Without the right to declare, what is there may do.
        Case(declaration: exchange, closure: .init(code: 403, text: "ACCESS_REFUSED"), publishes: true, consumes: true),
        Case(declaration: queue, closure: .init(code: 403, text: "ACCESS_REFUSED"), publishes: true, consumes: true),
        Case(declaration: binding, closure: .init(code: 403, text: "ACCESS_REFUSED"), publishes: true, consumes: true),
        Case(declaration: exchange, closure: clash("durable"), publishes: true, consumes: true),
        Case(declaration: exchange, closure: clash("type", current: "'fanout'"), publishes: false, consumes: false),
        Case(declaration: queue, closure: clash("durable"), publishes: true, consumes: true),
        Case(
            declaration: queue, closure: clash("x-queue-type", current: "the value 'quorum' of type 'longstr'"),
            publishes: true, consumes: true),
        Case(
            declaration: queue, closure: clash("x-queue-type", current: "the value 'stream' of type 'longstr'"),
            publishes: true, consumes: false),
        Case(
            declaration: queue, closure: .init(code: 406, text: "PRECONDITION_FAILED - something else"),
            publishes: false,
            consumes: false),
        Case(declaration: queue, closure: .init(code: 405, text: "RESOURCE_LOCKED"), publishes: false, consumes: false),
        Case(declaration: binding, closure: .init(code: 404, text: "NOT_FOUND"), publishes: false, consumes: false),
    ]

    @Test("What exists otherwise, or may not be declared, is used as it is where it does the same", arguments: cases)
    func dispensable(one: Case) throws {
        #expect(one.declaration.isDispensable(after: one.closure) == one.publishes)
        let topic = Topic("q", exchange: "e")
        let plan = try Topology(RabbitMQTopology()).plan(subscribingTo: .topic(topic), fanoutSuffix: "")
        #expect(plan.canGo(without: one.declaration, one.closure) == one.consumes)
    }

    @Test("A queue in the place of a stream cannot be read like one; an exchange declared otherwise does no harm")
    func stream() throws {
        var options = RabbitMQTopology()
        options.transientQuorumQueues = true
        options.streamFanout = true
        let plan = try Topology(options).plan(subscribingTo: .fanout(Topic("q")), fanoutSuffix: "")
        #expect(plan.isStream)
        #expect(!plan.canGo(without: Self.queue, Self.clash("durable")))
        #expect(plan.canGo(without: Self.exchange, Self.clash("durable")))
    }
}
#endif
