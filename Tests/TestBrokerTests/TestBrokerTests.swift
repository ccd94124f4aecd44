#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import SwitchboardCore
import SwitchboardTesting
import Testing

/// The suites that start servers, one test at a time: what one measures is not to be the start of the others' servers.
@Suite(.serialized)
enum Servers {}

extension Servers {
    @Suite("The test broker", .timeLimit(.minutes(5)))
    struct TestBrokerTests {
        @Test("Virtual hosts are made, listed and deleted")
        func virtualHosts() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                #expect(try await broker.queues(in: name).isEmpty)
                #expect(try await broker.exchanges(in: name).isEmpty)
                #expect(try await broker.bindings(in: name).isEmpty)
                #expect(try await broker.connections(in: name).isEmpty)
            }
        }

        @Test("Queues, exchanges and bindings show what the server has, whatever the names")
        func inspection() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let host = name.utf8.map(String.init).joined(separator: ",")
                _ = try await broker.evaluate(
                    """
                    V = <<\(host)>>, N = <<"a,b;c=d\\n">>,
                    Q = rabbit_misc:r(V, queue, N), X = rabbit_misc:r(V, exchange, <<"x">>),
                    {new, _} = rabbit_amqqueue:declare(Q, true, false, [{<<"x-expires">>, signedint, 600000}], none, <<"t">>),
                    rabbit_exchange:declare(X, topic, false, true, false, [], <<"t">>),
                    rabbit_binding:add({binding, X, <<"key">>, Q, []}, <<"t">>), [].
                    """)
                let queues = try await broker.queues(in: name)
                let queue = try #require(queues.first)
                #expect(queues.count == 1)
                #expect(queue.name == "a,b;c=d\n")
                #expect(queue.isDurable && !queue.isAutoDelete)
                #expect(queue.ready == 0 && queue.unacknowledged == 0 && queue.consumers == 0)
                #expect(queue.arguments == ["x-expires": "600000"])
                #expect(try await broker.queue("other", in: name) == nil)
                let exchanges = try await broker.exchanges(in: name)
                let exchange = try #require(exchanges.first)
                #expect(exchanges.count == 1)
                #expect(exchange.name == "x" && exchange.kind == "topic")
                #expect(!exchange.isDurable && exchange.isAutoDelete)
                let bindings = try await broker.bindings(in: name)
                let binding = try #require(bindings.first)
                #expect(bindings.count == 1)
                #expect(binding.exchange == "x" && binding.routingKey == "key" && binding.queue == "a,b;c=d\n")
            }
        }

        @Test("Users, passwords and permissions with any characters are taken")
        func users() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let user = "u-\(name)"
                try await broker.addUser(user, password: "p\"a>>s,s.\\ /@:%")
                try await broker.setPermissions(of: user, in: name, configure: "^$")
                try await broker.changePassword(of: user, to: "ä\"")
                try await broker.deleteUser(user)
            }
        }

        @Test("What Erlang refuses is an error that says why")
        func refused() async throws {
            let broker = try await TestBroker.shared()
            let error = try await #require(throws: TestBrokerError.self) {
                try await broker.deleteVirtualHost("not there")
            }
            #expect(error.description.contains("no_such_vhost"))
        }

        @Test("A URL names the port, the user and the virtual host, and masks the password")
        func url() async throws {
            let broker = try await TestBroker.shared()
            let url = broker.url(virtualHost: "v/1")
            #expect(url.description == "rabbit://switchboard:***@127.0.0.1:\(broker.port)/v/1")
            #expect(url.hosts[0].password == broker.password)
        }

        @Test("A broker survives pause, kill and restart at the same port, and stop leaves nothing")
        func life() async throws {
            var log = ""
            var ids: [Int32] = []
            try await TestBroker.withBroker { broker async throws in
                log = broker.logFile
                let port = broker.port
                try await broker.addVirtualHost("kept")
                let first = try #require(broker.processID)
                broker.pause()
                try await waitUntil("stopped") { processState(first) == "T" }
                broker.resume()
                try await waitUntil("running") { processState(first) != "T" }
                #expect(try await broker.queues(in: "kept").isEmpty)

                await broker.kill9()
                #expect(broker.processID == nil)
                #expect(processState(first) == nil)
                await #expect(throws: TestBrokerError.self) { try await broker.queues(in: "kept") }
                try await broker.startNode()
                #expect(try await broker.queues(in: "kept").isEmpty)

                try await broker.restart()
                #expect(broker.port == port)
                #expect(try await broker.queues(in: "kept").isEmpty)
                ids = [first, try #require(broker.processID)]
            }
            #expect(ids.allSatisfy { processState($0) == nil })
            #expect(access(log, F_OK) != 0)
        }

        @Test("A missing server is an error that says how to install one")
        func missingServer() async throws {
            var configuration = TestBrokerConfiguration()
            configuration.server = "/nonexistent/rabbitmq-server"
            let error = try await #require(throws: TestBrokerError.self) {
                try await TestBroker.start(configuration)
            }
            #expect(error.description.contains("/nonexistent/rabbitmq-server cannot be run"))
        }

        @Test("A bad setting is an error with the server's own words, and leaves nothing")
        func badSetting() async throws {
            var configuration = TestBrokerConfiguration()
            configuration.settings = ["no_such_setting = 1"]
            let error = try await #require(throws: TestBrokerError.self) {
                try await TestBroker.start(configuration)
            }
            #expect(error.description.contains("no_such_setting"))
        }
    }
}

/// The state letter of a process (`T`: stopped by a signal); `nil` when there is none or it is a zombie.
func processState(_ id: Int32) -> Character? {
    guard let file = fopen("/proc/\(id)/stat", "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 512)
    guard fgets(&buffer, 512, file) != nil else { return nil }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let state = text.drop { $0 != ")" }.dropFirst(2).first
    return state == "Z" ? nil : state
}

func waitUntil(_ what: String, within limit: Duration = .seconds(10), _ condition: () async throws -> Bool) async throws
{
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "not \(what) within \(limit)")
        try await Task.sleep(for: .milliseconds(5))
    }
}
