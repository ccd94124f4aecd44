#if RabbitMQ
import Logging
import SwitchboardCore

/// What people are told of the attempts of a driver's two connections: a loss is daily life; a refusal is news, once, of
/// whichever connection.
final class ConnectionLog: Sendable {
    typealias Role = ConnectionSettings.Role

    private let logger: Logger
    /// What was said to be refused, and of which connections, since each was ready.
    private let refusals = Locked<[String: Set<Role>]>([:])
    /// A broker that says something else each time is not repeated for ever.
    private static let most = 100

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// - Parameter hasBeenReady: whether one of the connections has been.
    func lost(
        _ loss: ConnectionLoss, at endpoint: Endpoint, _ retry: ConnectionFailure.Retry, hasBeenReady: Bool,
        _ role: Role
    ) {
        let metadata: Logger.Metadata = [
            "rabbitmq.host": "\(endpoint.address)", "rabbitmq.role": "\(role)", "rabbitmq.reason": "\(loss.reason)",
        ]
        guard loss.isRefusal else { return logger.debug("RabbitMQ connection lost", metadata: metadata) }
        switch retry {
        case .atOnce, .afterPause:
            guard isNews(loss, endpoint, role) else { return }
            logger.warning("RabbitMQ refuses a login, hosts with other ones are tried", metadata: metadata)
        case .afterLongPause, .unlessFirst:
            guard hasBeenReady || retry == .afterLongPause, isNews(loss, endpoint, role) else { return }
            logger.warning(
                "RabbitMQ refuses a connection that it took before; it is tried again until it is taken",
                metadata: metadata)
        // The transport tells.
        case .never: break
        }
    }

    private func isNews(_ loss: ConnectionLoss, _ endpoint: Endpoint, _ role: Role) -> Bool {
        refusals.withLock { refusals in
            let text = "\(endpoint.address) \(loss.reason)"
            if refusals[text] != nil {
                refusals[text]?.insert(role)
                return false
            }
            guard refusals.count < Self.most else { return false }
            refusals[text] = [role]
            return true
        }
    }

    /// A connection has everything.
    func ready(_ role: Role) {
        let isOver = refusals.withLock { refusals in
            guard !refusals.isEmpty else { return false }
            for text in refusals.keys { refusals[text]?.remove(role) }
            refusals = refusals.filter { !$0.value.isEmpty }
            return refusals.isEmpty
        }
        if isOver { logger.info("RabbitMQ takes the connections again") }
    }
}
#endif
