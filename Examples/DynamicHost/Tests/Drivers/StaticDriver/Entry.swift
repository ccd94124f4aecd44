public import CSwitchboardABI
import SwitchboardLoading

// A driver that was linked with the static products, and so brings a core of its own.

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_info() -> switchboard_driver_info_t {
    driverLibraryInfo()
}

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_register(_ registrar: UnsafeMutableRawPointer) {}
