#if RabbitMQ
import Foundation
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

/// Compares what this driver would send with what oslo.messaging 18.3.1 sent, for each option set that was captured.
@Suite("Topology")
struct TopologyTests {
    struct Capture: Decodable, Sendable {
        var options: [String: JSONScalar]
        var frames: [String: [Frame]]
    }

    struct Frame: Decodable, Hashable, Sendable {
        var method: String
        var exchange: String?
        var exchangeType: String?
        var queue: String?
        var routingKey: String?
        var durable: Bool?
        var autoDelete: Bool?
        var arguments: [String: JSONScalar]?

        private enum CodingKeys: String, CodingKey {
            case method, exchange, queue, durable, arguments
            case exchangeType = "exchange_type"
            case routingKey = "routing_key"
            case autoDelete = "auto_delete"
        }
    }

    enum JSONScalar: Decodable, Hashable, Sendable {
        case bool(Bool)
        case int(Int)
        case string(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let bool = try? container.decode(Bool.self) {
                self = .bool(bool)
            } else if let int = try? container.decode(Int.self) {
                self = .int(int)
            } else {
                self = .string(try container.decode(String.self))
            }
        }

        var text: String {
            switch self {
            case .bool(let bool): "\(bool)"
            case .int(let int): "\(int)"
            case .string(let string): string
            }
        }
    }

    static let captures: [String: Capture] = {
        // The tests' own file: without it there is nothing to test.
        let file = Bundle.module.url(forResource: "Data/oslo-topology", withExtension: "json")!
        return try! JSONDecoder().decode([String: Capture].self, from: Data(contentsOf: file))
    }()

    private func topology(_ capture: Capture) throws -> (Topology, Names) {
        let options = capture.options.map { TransportURL.Option($0.key, $0.value.text) }
        let configuration = try OsloOptions.apply(
            TransportURL(scheme: "rabbit", options: options), to: .osloDefaults)
        return (Topology(configuration.topology), try Names(configuration.topology))
    }

    /// Names that no other test counts with.
    private final class Names {
        private let directory = FileManager.default.temporaryDirectory
            .appending(path: "switchboard-\(UUID().uuidString)")
        private let names: QueueNames

        init(_ options: RabbitMQTopology) throws {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            names = QueueNames(options, lockDirectory: directory.path)
        }

        deinit {
            try? FileManager.default.removeItem(at: directory)
        }

        /// The files that keep names now.
        var files: [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: directory.path))?.map { "\(directory.path)/\($0)" }
                ?? []
        }

        func renew() -> [String] { names.renew() }
        func next(for address: Address) throws -> QueueName { try names.next(for: address) }
        func nextForReplies() throws -> QueueName? { try names.nextForReplies() }
    }

    /// Fanout and reply queues have names by chance: only what is before it is compared, where it is by chance.
    private func anonymous(_ name: String?) -> String? {
        guard let name, let underscore = name.lastIndex(of: "_") else { return name }
        let suffix = name[name.index(after: underscore)...]
        return suffix.count == 32 ? "\(name[...underscore])…" : name
    }

    private func frames(_ methods: [OutgoingMethod]) -> [Frame] {
        methods.compactMap { method in
            switch method {
            case .declareExchange(let exchange):
                Frame(
                    method: "Exchange.Declare", exchange: exchange.name, exchangeType: exchange.type.rawValue,
                    durable: exchange.isDurable ? true : nil, autoDelete: exchange.deletesItself ? true : nil)
            case .declareQueue(let queue):
                Frame(
                    method: "Queue.Declare", queue: anonymous(queue.name), durable: queue.isDurable ? true : nil,
                    autoDelete: queue.deletesItself ? true : nil, arguments: arguments(queue.arguments))
            case .bind(let binding):
                Frame(
                    method: "Queue.Bind", exchange: binding.exchange, queue: anonymous(binding.queue),
                    routingKey: binding.key)
            case .consume(let queue, _, let table):
                Frame(method: "Basic.Consume", queue: anonymous(queue), arguments: arguments(table))
            case .deleteQueue(let queue):
                Frame(method: "Queue.Delete", queue: anonymous(queue))
            default: nil
            }
        }
    }

    private func arguments(_ table: FieldTable) -> [String: JSONScalar]? {
        guard !table.isEmpty else { return nil }
        var arguments: [String: JSONScalar] = [:]
        for entry in table.entries {
            arguments[entry.name] =
                switch entry.value {
                case .bool(let bool): .bool(bool)
                case .int32(let number): .int(Int(number))
                case .int64(let number): .int(Int(number))
                case .string(let string): .string(string)
                case .table: .string("a table")
                }
        }
        return arguments
    }

    private func methods(_ address: Address, _ topology: Topology, _ names: Names) throws -> SubscriptionMethods {
        let plan = try topology.plan(subscribingTo: address, fanoutSuffix: try names.next(for: address).suffix)
        return SubscriptionMethods(plan: plan, tag: "1", prefetch: 10)
    }

    /// What oslo.messaging sent in a phase, with random names blotted out; repeated declarations count once, and
    /// consumers are sorted to the end as they are there.
    private func expected(_ capture: Capture, _ phases: [String], _ methods: Set<String>) -> Set<Frame> {
        Set(
            phases.flatMap { capture.frames[$0] ?? [] }.filter { methods.contains($0.method) }.map { frame in
                var frame = frame
                frame.queue = anonymous(frame.queue)
                return frame
            })
    }

    @Test("Subscriptions and publishers declare what oslo.messaging declares", arguments: captures.keys.sorted())
    func declarations(name: String) throws {
        let capture = try #require(Self.captures[name])
        let (topology, names) = try topology(capture)
        let topic = Topic("T_\(name)", exchange: "x_\(name)")
        let reply = capture.frames["start+call"]!.compactMap(\.queue).first { $0.hasPrefix("reply_") }!
        let server: [Address] = [
            .topic(topic), .server(topic, server: "s1"), .fanout(topic), .mailbox(Mailbox(named: reply)),
        ]
        var sent = try server.flatMap { frames(try methods($0, topology, names).setUp(from: nil)) }
        let publishers: [Address] = [
            .topic(topic), .server(topic, server: "s1"), .mailbox(Mailbox(named: reply)), .fanout(topic),
            .notifications(Topic("N_\(name).info", exchange: "x_\(name)")),
        ]
        sent += try publishers.flatMap { frames(try topology.plan(publishingTo: $0).declarations.map(\.method)) }
        let wanted = expected(
            capture, ["start+call", "fanout", "notify"],
            ["Exchange.Declare", "Queue.Declare", "Queue.Bind", "Basic.Consume"])
        #expect(Set(sent) == wanted)
    }

    @Test("Messages go to the exchange and key where oslo.messaging sends them", arguments: captures.keys.sorted())
    func routing(name: String) throws {
        let capture = try #require(Self.captures[name])
        let (topology, _) = try topology(capture)
        let topic = Topic("T_\(name)", exchange: "x_\(name)")
        let publishes = capture.frames.values.joined().filter { $0.method == "Basic.Publish" }
        let reply = try #require(publishes.compactMap(\.routingKey).first { $0.hasPrefix("reply_") })
        let plans = try [
            Address.topic(topic), .fanout(topic), .mailbox(Mailbox(named: reply)),
            .notifications(Topic("N_\(name).info", exchange: "x_\(name)")),
        ].map { try topology.plan(publishingTo: $0) }
        #expect(
            Set(plans.map { [$0.exchange, $0.routingKey] })
                == Set(publishes.map { [$0.exchange ?? "", $0.routingKey ?? ""] }))
        let direct = try topology.plan(publishingTo: .server(topic, server: "s1"))
        #expect(direct.routingKey == "T_\(name).s1")
    }

    @Test(
        "The end of a fanout subscription deletes its queue where oslo.messaging does",
        arguments: captures.keys.sorted())
    func ends(name: String) throws {
        let capture = try #require(Self.captures[name])
        let (topology, names) = try topology(capture)
        let topic = Topic("T_\(name)", exchange: "x_\(name)")
        let sent = frames(try methods(.fanout(topic), topology, names).tearDown)
        #expect(Set(sent) == expected(capture, ["close"], ["Queue.Delete"]))
        #expect(frames(try methods(.topic(topic), topology, names).tearDown) == [])
    }

    @Test("A preset without transient queues declares none, and exchanges as oslo.messaging beside it does")
    func durable() throws {
        let topology = Topology(.durable)
        // amqp_durable_queues and rabbit_transient_quorum_queue: what oslo.messaging needs on RabbitMQ 4.3.
        var beside = RabbitMQTopology()
        beside.durableQueues = true
        beside.transientQuorumQueues = true
        for address: Address in [.topic(Topic("t")), .fanout(Topic("t")), .notifications(Topic("n.info"))] {
            #expect(
                try topology.plan(publishingTo: address) == Topology(beside).plan(publishingTo: address))
        }
        for address: Address in [
            .topic(Topic("t")), .server(Topic("t"), server: "s"), .fanout(Topic("t")), .mailbox(Mailbox(named: "r")),
            .notifications(Topic("n.info")), .pool("p", of: Topic("n.info")),
        ] {
            let plan = try topology.plan(subscribingTo: address, fanoutSuffix: "x")
            for case .queue(let queue) in plan.declarations { #expect(queue.isDurable) }
        }
        let mailbox = try topology.plan(subscribingTo: .mailbox(Mailbox(named: "r")), fanoutSuffix: "")
        #expect(
            mailbox.declarations == [
                .queue(
                    QueueDeclaration(
                        name: "r", isDurable: true, deletesItself: false, arguments: ["x-expires": .int32(1_800_000)]))
            ])
    }

    @Test("Direct requests go to their queues by name; nothing else changes")
    func directRequests() throws {
        let (direct, usual) = (Topology(.osloDefaults, directRequests: true), Topology(.osloDefaults))
        let topic = Topic("t", exchange: "e")
        for (address, queue) in [(Address.topic(topic), "t"), (.server(topic, server: "s"), "t.s")] {
            let plan = try direct.plan(publishingTo: address)
            #expect(plan == PublishPlan(exchange: "", routingKey: queue, declarations: []))
            // The queue that a server declares, and oslo.messaging's clients reach through the exchange.
            let subscription = try direct.plan(subscribingTo: address, fanoutSuffix: "")
            #expect(subscription.queue == queue)
            #expect(try subscription == usual.plan(subscribingTo: address, fanoutSuffix: ""))
        }
        for address: Address in [.fanout(topic), .notifications(topic), .mailbox(Mailbox(named: "r"))] {
            #expect(try direct.plan(publishingTo: address) == usual.plan(publishingTo: address))
        }
    }

    @Test("A pool is one queue, bound to each topic that it is subscribed to")
    func pool() throws {
        let plan = try Topology(.osloDefaults).plan(
            subscribingTo: .pool("p", of: Topic("n.info", exchange: "e")), fanoutSuffix: "")
        #expect(plan.queue == "p")
        #expect(plan.declarations.last == .binding(Binding(queue: "p", exchange: "e", key: "n.info")))
    }

    @Test("A name that grows beyond 255 bytes is an invalid address")
    func longName() {
        let topic = Topic(String(repeating: "t", count: 230))
        let error = #expect(throws: TransportError.self) {
            try Topology(.osloDefaults).plan(
                subscribingTo: .fanout(topic), fanoutSuffix: String(repeating: "0", count: 32))
        }
        #expect(error?.code == .invalidAddress)
    }

    @Test("Names are 32 digits by chance, or stable: the lowest number that nobody on the machine has")
    func names() throws {
        let address = Address.fanout(Topic("t"))
        var options = RabbitMQTopology()
        let one = try QueueNames(options).next(for: address).suffix
        #expect(one.count == 32 && one.allSatisfy(\.isHexDigit))
        #expect(try QueueNames(options).nextForReplies() == nil)
        options.stableNames = true
        options.hostName = "node1"
        options.processName = "svcx"
        let names = try Names(options)
        let first = try names.next(for: address)
        let second = try names.next(for: address)
        #expect(first.suffix == "node1:svcx:1")
        #expect(second.suffix == "node1:svcx:2")
        #expect(try names.next(for: .fanout(Topic("other"))).suffix == "node1:svcx:1")
        first.release()
        let again = try names.next(for: address)
        #expect(again.suffix == "node1:svcx:1")
        let reply = try names.nextForReplies()
        let nextReply = try names.nextForReplies()
        #expect(reply?.suffix == "node1:svcx:1")
        #expect(nextReply?.suffix == "node1:svcx:2")
        withExtendedLifetime((second, again, reply, nextReply)) {}
    }

    @Test("A name whose file is removed or replaced is kept, or said to be another's", arguments: [false, true])
    func removedLocks(isReplaced: Bool) throws {
        var options = RabbitMQTopology()
        options.stableNames = true
        options.hostName = "node1"
        options.processName = "svcx"
        let names = try Names(options)
        let address = Address.fanout(Topic("t"))
        let first = try names.next(for: address)
        #expect(names.renew().isEmpty)
        let file = try #require(names.files.first)
        try FileManager.default.removeItem(atPath: file)
        if isReplaced { try Data().write(to: URL(fileURLWithPath: file)) }
        #expect(names.renew().isEmpty)
        // It has the file of the path again.
        let second = try names.next(for: address)
        #expect(second.suffix == "node1:svcx:2")
        // Somebody takes the name before it is looked for.
        try FileManager.default.removeItem(atPath: file)
        let stranger = try #require(try NameLock(file))
        #expect(names.renew() == [file])
        #expect(names.renew().isEmpty, "It is said once.")
        stranger.release()
        withExtendedLifetime((first, second)) {}
    }

    @Test(
        "A conflict names the argument and the option that settles it",
        arguments: [
            ("durable", false, "amqp_durable_queues"), ("durable", true, "rabbit_transient_quorum_queue"),
            ("x-expires", true, "rabbit_transient_queues_ttl"), ("x-queue-type", false, "rabbit_quorum_queue"),
            ("x-message-ttl", false, "declared by another program"),
        ])
    func advice(argument: String, isTransient: Bool, option: String) throws {
        let text =
            "PRECONDITION_FAILED - inequivalent arg '\(argument)' for queue 'T' in vhost '/': received 'a' but current is 'b'"
        let conflict = try #require(ConflictingArgument(in: text))
        #expect(conflict.name == argument)
        let queue = QueueDeclaration(
            name: "T", isDurable: true, deletesItself: false, arguments: isTransient ? ["x-expires": .int32(1)] : [:])
        #expect(conflict.advice(for: .queue(queue), .osloDefaults).contains(option))
    }
}
#endif
