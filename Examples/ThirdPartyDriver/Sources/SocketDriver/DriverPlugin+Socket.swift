public import SwitchboardCore

extension DriverPlugin {
    /// The driver for `unix:///path/of/the/hub.sock`. It has no options.
    public static func socket() -> DriverPlugin {
        DriverPlugin(schemes: "unix") { url, _ throws(TransportError) in
            try SocketDriver(url)
        }
    }
}
