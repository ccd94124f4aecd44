import SwitchboardCore
import Synchronization

/// A subscription, through all the sessions that it lives to see.
final class SocketSubscription: Sendable {
    let address: Address
    let prefetch: Int
    let deliveries: Deliveries
    private let source: Deliveries.Source
    /// Its number in the session where it is subscribed.
    private let place = Mutex<(session: SocketSession, id: UInt64)?>(nil)

    init(_ address: Address, prefetch: Int) {
        self.address = address
        self.prefetch = prefetch
        (deliveries, source) = Deliveries.makeSequence()
    }

    /// The number in a session; `nil` when it is not subscribed there.
    func id(in session: SocketSession) -> UInt64? {
        place.withLock { $0?.session === session ? $0?.id : nil }
    }

    /// Whether it had no place in this session yet.
    func enter(_ session: SocketSession, id: UInt64) -> Bool {
        place.withLock { place in
            if place?.session === session { return false }
            place = (session, id)
            return true
        }
    }

    /// What was delivered by a lost session comes again: nobody needs to take it from here.
    func withdraw() {
        source.withdraw()
    }

    /// Whether the subscriber takes it.
    func yield(_ delivery: Delivery) -> Bool {
        source.yield(delivery)
    }

    func finish(_ error: TransportError?) {
        source.finish(throwing: error)
    }
}
