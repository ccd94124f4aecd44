#if RabbitMQ
    import Switchboard
    import SwitchboardRabbitMQ

    /// A service on RabbitMQ and its client.
    ///
    ///     swift run RabbitMQExample serve rabbit://guest:guest@127.0.0.1/
    ///     swift run RabbitMQExample greet rabbit://guest:guest@127.0.0.1/ World
    @main
    struct RabbitMQExample {
        struct Name: Codable, Sendable {
            var name: String
        }

        static let greet = RPCMethod<Name, String>("greet", version: "1.0")

        static func main() async throws {
            let arguments = CommandLine.arguments.dropFirst()
            switch (arguments.first, arguments.dropFirst().first) {
            case ("serve", let url?): try await serve(url)
            case ("greet", let url?): try await callGreet(url, arguments.dropFirst(2).first ?? "World")
            default: print("usage: RabbitMQExample serve URL | greet URL [NAME]")
            }
        }

        static func serve(_ url: String) async throws {
            var router = RPCRouter()
            router.register(greet) { name, context in
                print("greeting \(name.name) for \(context.userID ?? "nobody")")
                return "Hello, \(name.name)!"
            }
            try await runService(url, .rabbitMQ(), topic: "greeter", router: router)
            print("stopped")
        }

        static func callGreet(_ url: String, _ name: String) async throws {
            try await withMessageQueue(url, .rabbitMQ()) { queue in
                let client = RPCClient(queue, topic: "greeter", timeout: .seconds(10))
                do {
                    print(try await client.call(greet, Name(name: name), context: RequestContext(userID: "alice")))
                } catch let error as RPCError where error.code == .unroutable {
                    print("Nobody serves: start the service first.")
                }
            }
        }
    }
#else
    @main
    struct RabbitMQExample {
        static func main() { print("This build has no RabbitMQ driver: build it with the trait RabbitMQ.") }
    }
#endif
