#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("What a broker's version means")
struct BrokerVersionTests {
    private func attempt(_ version: String, _ headers: [String: String], isRedelivered: Bool = true) -> Int? {
        BrokerVersion(product: "RabbitMQ", version: version)?.attempt(headers, isRedelivered: isRedelivered)
    }

    @Test("A first delivery is the first attempt, whatever a publisher put into its headers", arguments: values)
    func first(value: String) {
        for version in ["3.10.8", "3.13.7", "4.0.5", "4.2.0", "4.3.6", "5.0.0"] {
            let headers = ["x-delivery-count": value, "x-acquired-count": value]
            #expect(attempt(version, headers, isRedelivered: false) == 1)
        }
    }

    @Test("No header makes an attempt that is below 1, or traps", arguments: values)
    func anyValue(value: String) throws {
        for version in ["3.10.8", "4.3.6"] {
            for headers in [
                ["x-delivery-count": value], ["x-acquired-count": value],
                ["x-delivery-count": value, "x-acquired-count": "1"],
                ["x-delivery-count": "1", "x-acquired-count": value],
            ] {
                #expect(try #require(attempt(version, headers)) >= 1)
            }
        }
    }

    private static let values = [
        "", "0", "1", "7", "-1", "-9223372036854775808", "9223372036854775806", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "1.0", "1e3", "true", "abc", "٣", " 1",
    ]

    @Test("A redelivery is one more than what the version counts as failed")
    func redelivered() {
        for version in ["3.10.8", "3.13.7", "4.0.5", "4.2.0"] {
            #expect(attempt(version, ["x-delivery-count": "2"]) == 3)
            // A publisher's: such a version writes no other header.
            #expect(attempt(version, ["x-delivery-count": "2", "x-acquired-count": "9"]) == 3)
        }
        for version in ["4.3.0", "4.3.6", "5.1.0"] {
            #expect(attempt(version, ["x-delivery-count": "2", "x-acquired-count": "2"]) == 3)
            // Given back unhandled three times, failed once.
            #expect(attempt(version, ["x-delivery-count": "1", "x-acquired-count": "4"]) == 2)
            #expect(attempt(version, ["x-acquired-count": "4"]) == 1)
            // The publisher's: the queue has delivered it once.
            #expect(attempt(version, ["x-delivery-count": "9223372036854775807", "x-acquired-count": "1"]) == 1)
        }
    }

    @Test("Another product's headers are not read")
    func otherProducts() {
        #expect(BrokerVersion(product: "LavinMQ", version: "2.0.0")?.attempt([:], isRedelivered: true) == nil)
    }
}

@Suite("Adapting to what a broker takes")
struct BrokerDemandsTests {
    private let new = BrokerVersion(product: "RabbitMQ", version: "4.3.6")
    private let address = Address.fanout(Topic("t", exchange: "e"))

    private func plan(_ address: Address, _ demands: BrokerDemands, _ options: RabbitMQTopology = .osloDefaults) throws
        -> [Declaration]
    {
        try demands.adapted(
            Topology(options).plan(subscribingTo: address, fanoutSuffix: "x").declarations, for: address)
    }

    private func exchange(_ demands: BrokerDemands) throws -> ExchangeDeclaration {
        let found = try plan(address, demands).compactMap { declaration in
            if case .exchange(let exchange) = declaration { exchange } else { nil as ExchangeDeclaration? }
        }
        return try #require(found.first)
    }

    private func conflict(_ kind: String, isDurable: Bool) -> IncomingMethod.Closure {
        IncomingMethod.Closure(
            code: 406,
            text: "PRECONDITION_FAILED - inequivalent arg 'durable' for \(kind) 'n' in vhost '/': "
                + "received '\(!isDurable)' but current is '\(isDurable)'")
    }

    @Test("Nothing changes before the broker refuses something")
    func untouched() throws {
        let demands = BrokerDemands(.osloDefaults)
        let plan = try Topology(.osloDefaults).plan(subscribingTo: address, fanoutSuffix: "x").declarations
        #expect(demands.adapted(plan, for: address) == plan)
        #expect(demands.revision == 0)
    }

    @Test("Where transient queues are refused all queues are durable, and the exchanges of fanouts")
    func refused() throws {
        let demands = BrokerDemands(.osloDefaults)
        #expect(demands.refuseTransientQueues())
        #expect(!demands.refuseTransientQueues())
        for address in [
            address, .topic(Topic("t", exchange: "e")), .server(Topic("t", exchange: "e"), server: "s"),
            .mailbox(Mailbox(named: "m")), .notifications(Topic("t", exchange: "e")),
            .pool("p", of: Topic("t", exchange: "e")),
        ] {
            let isDurable =
                switch address {
                case .fanout, .notifications, .pool: true
                default: false
                }
            for declaration in try plan(address, demands) {
                switch declaration {
                case .queue(let queue): #expect(queue.isDurable, "\(address)")
                case .exchange(let exchange): #expect(exchange.isDurable == isDurable, "\(address)")
                case .binding: break
                }
            }
        }
    }

    @Test("What exists with another durability is taken as it is, also when that changes again")
    func learned() throws {
        let demands = BrokerDemands(.osloDefaults)
        for isDurable in [true, false, true] {
            let exchange = try self.exchange(demands)
            #expect(demands.learn(from: conflict("exchange", isDurable: isDurable), .exchange(exchange), new))
            #expect(try self.exchange(demands).isDurable == isDurable)
        }
    }

    @Test("Nothing is learned from another refusal, on an older version, or about what is configured to be durable")
    func notLearned() throws {
        let demands = BrokerDemands(.osloDefaults)
        let exchange = try #require(plan(address, demands).first { if case .exchange = $0 { true } else { false } })
        let durable = conflict("exchange", isDurable: true)
        #expect(!demands.learn(from: durable, exchange, BrokerVersion(product: "RabbitMQ", version: "4.2.0")))
        #expect(!demands.learn(from: durable, exchange, nil))
        #expect(!demands.learn(from: conflict("exchange", isDurable: false), exchange, new))
        let other = IncomingMethod.Closure(
            code: 406, text: "PRECONDITION_FAILED - inequivalent arg 'type' for exchange")
        #expect(!demands.learn(from: other, exchange, new))
        #expect(demands.revision == 0)
        let configured = BrokerDemands(.durable)
        let durableExchange = try #require(
            plan(address, configured, .durable).first { if case .exchange = $0 { true } else { false } })
        #expect(!configured.learn(from: conflict("exchange", isDurable: false), durableExchange, new))
    }
}
#endif
