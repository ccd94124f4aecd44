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
        let server = RPCServer(queue, topic: "greeter", name: "one", router: router, logger: logger)
        let client = RPCClient(queue, topic: "greeter", timeout: .seconds(10))

        try await withRunning(queue, server) {
            try await server.waitUntilServing()
            print("answered: \(try await client.call("greet", ["name": "Ada"]))")
        }
    }
}
