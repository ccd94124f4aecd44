public import CSwitchboardABI
import SwitchboardLoading

// A driver that forgets to register.

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_info() -> switchboard_driver_info_t {
    driverLibraryInfo()
}

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_register(_ registrar: UnsafeMutableRawPointer) {}
