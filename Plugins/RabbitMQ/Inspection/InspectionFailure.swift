#if RabbitMQ
/// Why a look at a broker ended: the step at which it did, and what was seen there.
package struct InspectionFailure: Error, Hashable, Sendable {
    /// Where a connection ended that was opened step by step.
    package enum Stage: Hashable, Sendable {
        /// The host's name.
        case resolution
        /// The socket.
        case socket
        case tls
        /// The first bytes: nothing that speaks AMQP 0-9-1 is there.
        case greeting
        /// User, password, or login method.
        case login
        case virtualHost
        /// The connection was open.
        case open
    }

    package var stage: Stage
    /// What was seen: a clause without a full stop. It never holds a secret.
    package var reason: String

    /// The connection was open.
    package init(lost reason: String) {
        self.init(.open, reason)
    }

    init(_ stage: Stage, _ reason: String) {
        self.stage = stage
        self.reason = reason.withoutFullStop
    }
}
#endif
