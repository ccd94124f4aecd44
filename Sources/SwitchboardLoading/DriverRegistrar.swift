public import SwitchboardCore

/// Where a driver's library leaves its plug-ins, in its function `switchboard_driver_register`.
///
///     @c public func switchboard_driver_register(_ registrar: UnsafeMutableRawPointer) {
///         DriverRegistrar.at(registrar).register(.mine())
///     }
public final class DriverRegistrar {
    private(set) var plugins: [DriverPlugin] = []

    init() {}

    public func register(_ plugin: DriverPlugin) {
        plugins.append(plugin)
    }

    /// The registrar that the host has handed over.
    public static func at(_ pointer: UnsafeMutableRawPointer) -> DriverRegistrar {
        Unmanaged<DriverRegistrar>.fromOpaque(pointer).takeUnretainedValue()
    }
}
