public import CSwitchboardABI
import SwitchboardLoading

// The two functions that a host looks for. The first says what this library was built with, the second what it serves.

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_info() -> switchboard_driver_info_t {
    driverLibraryInfo()
}

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_register(_ registrar: UnsafeMutableRawPointer) {
    DriverRegistrar.at(registrar).register(
        DriverPlugin(schemes: "audit") { url, _ throws(TransportError) in try AuditDriver(url) })
}
