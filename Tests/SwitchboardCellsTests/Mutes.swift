import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting

/// In-process drivers that can be muted by the name of their queue, and cut: a muted one takes nothing over and says
/// nothing, as a broker that hangs.
final class Mutes: Sendable {
    private struct Queue {
        var drivers: [FaultyDriver] = []
        var isMuted = false
        var attempts = 0
        /// What came while it was muted.
        var held: [(Publish, any DriverConnection)] = []
    }

    private let queues = Locked<[String: Queue]>([:])
    private let trap = Locked<Trap?>(nil)
    private let clock = ManualClock()

    func plugin(_ network: InProcessNetwork) -> DriverPlugin {
        DriverPlugin(schemes: "fake") { [self] url, _ throws(TransportError) in
            let driver = FaultyDriver(try InProcessDriver(url, network: network), clock: clock)
            let name = url.hosts.first?.name ?? ""
            queues.withLock { $0[name, default: Queue()].drivers.append(driver) }
            return InterceptedDriver(driver) { hooks in
                hooks.publish = { self.publish($0, $1, through: name) }
                hooks.close = { connection in
                    await connection.close()
                    await self.trap.withLock { $0 }?.hold()
                }
            }
        }
    }

    private func publish(_ publish: Publish, _ connection: any DriverConnection, through name: String) {
        let isHeld = queues.withLock { queues in
            guard queues[name]?.isMuted == true else { return false }
            queues[name]?.attempts += 1
            queues[name]?.held.append((publish, connection))
            return true
        }
        if isHeld { _ = publish.begin() } else { connection.publish(publish) }
    }

    /// How many drivers were made for a queue.
    func count(_ name: String) -> Int {
        queues.withLock { $0[name]?.drivers.count ?? 0 }
    }

    func setMuted(_ isMuted: Bool, _ name: String) {
        let held = queues.withLock { queues in
            var queue = queues[name] ?? Queue()
            let held = isMuted ? [] : queue.held
            if !isMuted { queue.held = [] }
            queue.isMuted = isMuted
            queue.attempts = 0
            queues[name] = queue
            return held
        }
        for (publish, connection) in held { connection.publish(publish) }
    }

    /// Lets no driver end before `trap` is opened.
    func holdEnds(in trap: Trap) {
        self.trap.withLock { $0 = trap }
    }

    /// How many messages were to be sent through a queue since it was muted.
    func attempts(_ name: String) -> Int {
        queues.withLock { $0[name]?.attempts ?? 0 }
    }

    /// The connections are lost, until ``mend()``.
    func cut(_ name: String, reason: String) {
        for driver in queues.withLock({ $0[name]?.drivers ?? [] }) {
            driver.dropConnection(outage: .seconds(3600), reason: reason)
        }
    }

    func mend() {
        clock.advance(by: .seconds(3600))
    }
}
