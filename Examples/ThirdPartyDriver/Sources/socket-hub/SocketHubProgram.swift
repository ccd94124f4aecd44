import Glibc
import Logging
import SocketDriver
import SwitchboardCore
import SwitchboardTesting

/// The hub as a program: `socket-hub PATH`. With `peer`, the other process of the laws.
@main
struct SocketHubProgram {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 2 else {
            print("usage: socket-hub PATH")
            exit(2)
        }
        if arguments[1] == "peer" { return await LawPeer.run(drivers: DriverRegistry(.socket())) }
        do {
            let path = arguments[1]
            let hub = try SocketHub(path: path, logger: Logger(label: "socket-hub"))
            try await hub.run { print("listening at \(path)") }
        } catch {
            print("socket-hub: \(error)")
            exit(1)
        }
    }
}
