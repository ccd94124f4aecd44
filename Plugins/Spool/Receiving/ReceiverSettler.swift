internal import SwitchboardCore

/// Settles the deliveries of one subscription: where it can, on the thread that has the delivery.
final class ReceiverSettler: DeliverySettler {
    let claims = HeldClaims()
    private let receiver: Receiver
    private let id: UInt64

    init(_ receiver: Receiver, _ id: UInt64) {
        self.receiver = receiver
        self.id = id
    }

    /// Only acceptances without a sync are recorded at once; they call their completion at once too.
    var recordsAtOnce: Bool { false }

    func settle(_ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?) {
        let (receiver, id) = (receiver, id)
        guard case .accept = settlement, let (claim, accept) = claims.takeAcceptable(token) else {
            return receiver.thread.call {
                let error = receiver.assumeIsolated { $0.settle(id, token, settlement) }
                completion?(error)
            }
        }
        do throws(FileError) {
            try accept()
        } catch {
            return receiver.thread.call {
                let failure = receiver.assumeIsolated { $0.notSettled(claim, of: id, error) }
                completion?(failure)
            }
        }
        if claims.endStarving() { receiver.thread.wake(at: .now) }
        completion?(nil)
    }
}
