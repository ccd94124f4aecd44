public import SwitchboardCore

extension DriverPlugin {
    /// The spool driver, for `spool:///directory`.
    public static func spool() -> DriverPlugin {
        DriverPlugin(schemes: "spool") { (url, logger) throws(TransportError) in
            try SpoolDriver(url, logger: logger)
        }
    }
}
