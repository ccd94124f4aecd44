import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting

/// In-process drivers that take over some of what is published and deliver it nowhere, on command.
final class Deafness: Sendable {
    private let isDeaf = Locked<@Sendable (Address) -> Bool>({ _ in false })

    /// From now on nothing arrives that is published to such addresses.
    func begin(for addresses: @escaping @Sendable (Address) -> Bool) {
        isDeaf.withLock { $0 = addresses }
    }

    func end() {
        begin { _ in false }
    }

    func driver(over base: any TransportDriver) -> InterceptedDriver {
        InterceptedDriver(base) { hooks in
            hooks.publish = { publish, connection in
                if self.isDeaf.withLock({ $0 })(publish.address) {
                    if publish.begin() { publish.finish(.accepted) }
                } else {
                    connection.publish(publish)
                }
            }
        }
    }
}
