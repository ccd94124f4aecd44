import SwitchboardLoading
import SwitchboardMessaging

/// Takes a driver from a shared library and sends a call through it.
///
///     DynamicHost libAuditDriver.so audit:///tmp/messages.txt
@main
struct DynamicHost {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { return print("usage: DynamicHost LIBRARY URL") }
        var drivers = DriverRegistry()
        do {
            try DriverLibrary.load(arguments[1], into: &drivers)
        } catch {
            return print("error: \(error)")
        }
        print("serves \(drivers.schemes.joined(separator: ", "))")

        let logger = Logger(label: "dynamic-host") { _ in SwiftLogNoOpLogHandler() }
        let queue = try MessageQueueConnection(TransportURL(arguments[2]), drivers: drivers, logger: logger)
        var router = RPCRouter()
        router.register("greet") { arguments, _ in .string("Hello, \(arguments["name"]?.string ?? "you")!") }
        let server = RPCServer(queue, topic: Topic("greeter"), name: "one", router: router, logger: logger)
        let client = RPCClient(queue, target: RPCTarget(topic: "greeter"), timeout: .seconds(10))

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await queue.run() }
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            while true {
                do {
                    let reply = try await client.call("greet", ["name": "Ada"], context: RequestContext())
                    return print("answered: \(reply)")
                } catch let error as RPCError where error.code == .unroutable {
                    // The server has been started and does not listen yet.
                    await Task.yield()
                }
            }
        }
    }
}
