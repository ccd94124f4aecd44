import ArgumentParser
import SwitchboardCore

/// Where RabbitMQ's management API is, for commands that look at several brokers.
struct ManagementOptions: ParsableArguments {
    /// The API as it was given.
    enum Choice: Hashable, Sendable {
        case none
        case address(ManagementAddress)
        /// At this port of each queue's own broker.
        case port(Int)
    }

    @Option(
        name: .customLong("management-url"),
        help: ArgumentHelp("RabbitMQ's management API: http://HOST:15672 or https://HOST:15671.", valueName: "url"))
    var managementURL: String?
    @Option(
        help: ArgumentHelp(
            "The same at this port of each queue's own broker, with TLS where the queue's URL has TLS.",
            valueName: "port"))
    var managementPort: Int?

    func validate() throws {
        if let managementURL, ManagementAddress(managementURL) == nil {
            throw ValidationError("--management-url is http://HOST:PORT or https://HOST:PORT.")
        }
        if let managementPort, !(1...65535).contains(managementPort) {
            throw ValidationError("--management-port is a port: 1 to 65535.")
        }
        if managementURL != nil, managementPort != nil {
            throw ValidationError("--management-url and --management-port both say where the API is: leave one out.")
        }
    }

    var choice: Choice {
        if let address = managementURL.flatMap({ ManagementAddress($0) }) { return .address(address) }
        return managementPort.map { .port($0) } ?? .none
    }
}

extension ManagementOptions.Choice {
    /// The API of the broker at `host`, which is one of a queue's hosts; `nil` when none was given.
    func address(ofBrokerAt host: String, usesTLS: Bool) -> ManagementAddress? {
        switch self {
        case .none: nil
        case .address(let address): address
        case .port(let port):
            ManagementAddress("\(usesTLS ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)")
        }
    }
}
