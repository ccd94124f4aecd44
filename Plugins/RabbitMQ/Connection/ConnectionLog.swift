#if RabbitMQ
import Logging

/// What people are told of the attempts of one connection: a loss is daily life, a refusal is news, once.
struct ConnectionLog {
    private let logger: Logger
    private let role: ConnectionSettings.Role
    /// What was said to be refused, since the last connection that was ready.
    private var refusals: Set<String> = []

    init(_ logger: Logger, _ role: ConnectionSettings.Role) {
        self.logger = logger
        self.role = role
    }

    mutating func lost(_ loss: ConnectionLoss, at endpoint: Endpoint, _ outcome: Reconnecting.Outcome) {
        let metadata: Logger.Metadata = [
            "rabbitmq.host": "\(endpoint.address)", "rabbitmq.role": "\(role)", "rabbitmq.reason": "\(loss.reason)",
        ]
        switch outcome {
        case .failed, .served: logger.debug("RabbitMQ connection lost", metadata: metadata)
        case .passedOver:
            guard refusals.insert(endpoint.address + loss.reason).inserted else { return }
            logger.warning("RabbitMQ refuses a login, hosts with other ones are tried", metadata: metadata)
        case .refusedForNow:
            guard refusals.insert(endpoint.address + loss.reason).inserted else { return }
            logger.warning(
                "RabbitMQ refuses a connection that it took before; it is tried again until it is taken",
                metadata: metadata)
        case .refusedForGood: break
        }
    }

    /// The connection has everything.
    mutating func ready() {
        guard !refusals.isEmpty else { return }
        refusals.removeAll()
        logger.info("RabbitMQ takes the connection again", metadata: ["rabbitmq.role": "\(role)"])
    }
}
#endif
