public import SwitchboardCore

extension Delivery {
    /// A delivery for tests, whose settlement is a function that may wait.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - isRedelivered: whether it came back.
    ///   - attempt: which attempt at handling it this is.
    ///   - settle: runs at most once. `settle(_:)` throws what it throws.
    public init(
        message: Message, isRedelivered: Bool = false, attempt: Int? = nil,
        settle: @escaping @Sendable (Settlement) async throws(TransportError) -> Void
    ) {
        let settler = ClosureSettler(recordsAtOnce: false) { settlement, completion throws(TransportError) in
            Task {
                do throws(TransportError) {
                    try await settle(settlement)
                    completion?(nil)
                } catch {
                    completion?(error)
                }
            }
        }
        self.init(message, isRedelivered: isRedelivered, attempt: attempt, token: 0, settler: settler)
    }

    /// A delivery for tests, whose settlement is a function that a driver could have:
    /// `DeliverySettler.settle(_:_:completion:)`.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - isRedelivered: whether it came back.
    ///   - attempt: which attempt at handling it this is.
    ///   - settle: runs at most once, with the function to call when the settlement is certain, if there is one.
    public init(
        _ message: Message, isRedelivered: Bool = false, attempt: Int? = nil,
        settle: @escaping @Sendable (Settlement, (@Sendable (TransportError?) -> Void)?) throws(TransportError) -> Void
    ) {
        let settler = ClosureSettler(recordsAtOnce: true, settle)
        self.init(message, isRedelivered: isRedelivered, attempt: attempt, token: 0, settler: settler)
    }
}

/// Settles one delivery by a function.
private final class ClosureSettler: DeliverySettler {
    typealias Settle =
        @Sendable (Settlement, (@Sendable (TransportError?) -> Void)?) throws(TransportError) -> Void

    let recordsAtOnce: Bool
    private let settle: Settle

    init(recordsAtOnce: Bool, _ settle: @escaping Settle) {
        self.recordsAtOnce = recordsAtOnce
        self.settle = settle
    }

    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        try settle(settlement, completion)
    }
}
