public import CSwitchboardABI
import SwitchboardLoading

// A driver that was built with a core whose types have other sizes, and the same revision.

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_info() -> switchboard_driver_info_t {
    var info = driverLibraryInfo()
    info.layout += 1
    return info
}

// swift-format-ignore: AlwaysUseLowerCamelCase
@c public func switchboard_driver_register(_ registrar: UnsafeMutableRawPointer) {}
