public import CSwitchboardABI
// Host and driver get the core and the logs by this module, from the one library that holds them.
@_exported public import Logging
@_exported public import SwitchboardCore

/// What a driver's library says of itself: the whole of its function `switchboard_driver_info`.
///
/// Compiled into the driver, so that it tells what the driver was built with and not what the host was.
@_alwaysEmitIntoClient
public func driverLibraryInfo() -> switchboard_driver_info_t {
    let sizes = [
        MemoryLayout<Message>.size, MemoryLayout<Delivery>.size, MemoryLayout<Deliveries>.size,
        MemoryLayout<Publish>.size, MemoryLayout<PublishOutcome>.size, MemoryLayout<ConnectionSignals>.size,
        MemoryLayout<ConnectionSignal>.size, MemoryLayout<ConnectionFailure>.size, MemoryLayout<Address>.size,
        MemoryLayout<Settlement>.size,
        MemoryLayout<TransportURL>.size, MemoryLayout<TransportURL.Host>.size, MemoryLayout<TransportError>.size,
        MemoryLayout<TransportState>.size, MemoryLayout<SubscriptionOptions>.size,
        MemoryLayout<DriverCapabilities>.size, MemoryLayout<DriverPlugin>.size,
    ]
    var layout: UInt64 = 0xCBF2_9CE4_8422_2325
    for size in sizes { layout = (layout ^ UInt64(size)) &* 0x100_0000_01B3 }
    return switchboard_driver_info_t(tag: switchboard_abi_tag(), core: switchboardCoreIdentity(), layout: layout)
}

/// An address that is the same for everybody who shares one core.
@inline(never)
public func switchboardCoreIdentity() -> UnsafeRawPointer {
    unsafeBitCast(CoreIdentity.self as Any.Type, to: UnsafeRawPointer.self)
}

/// Only its metadata's address counts.
private enum CoreIdentity {}
