#if RabbitMQ
import SwitchboardCore

/// Words for errors: where a driver is connected to, and how its connection stands.
struct Place: Sendable {
    /// What those wait for that are not written yet.
    enum WaitState {
        case disconnected
        case blocked(String)
        case windowFull
        case declaring
    }

    /// The URL with its passwords masked.
    let url: String
    let monitor: TransportMonitor
    let topology: RabbitMQTopology

    fileprivate var state: String { "\(url) is \(monitor.state)" }

    func unsent(
        _ pending: PendingPublish, _ wait: WaitState, _ now: ContinuousClock.Instant
    ) -> TransportError {
        let request = pending.request
        let waited = request.waited(until: now)
        if pending.wasSent {
            return TransportError(
                .indeterminate,
                "A message to \(request.address) was sent, and the connection was lost before it was confirmed; it could not be "
                    + "sent again within \(waited): \(state).")
        }
        switch wait {
        case .disconnected:
            return TransportError(
                .unavailable,
                "A message to \(request.address) was not sent: it waited \(waited) for a connection, and \(state).")
        case .declaring:
            return TransportError(
                .unavailable,
                "A message to \(request.address) was not sent: it waited \(waited) for its exchange to be declared, and "
                    + "\(state).")
        case .blocked(let reason):
            return TransportError(
                .exhausted,
                "A message to \(request.address) was not sent: it waited \(waited), and the broker of \(url) takes no "
                    + "messages (\(reason)).")
        case .windowFull:
            return TransportError(
                .exhausted,
                "A message to \(request.address) was not sent: it waited \(waited) behind other messages that the broker "
                    + "has not confirmed, and \(state).")
        }
    }

    /// What may be said of a publish: one that an earlier connection or channel may have carried was maybe taken, however
    /// sending it again ended.
    func afterSending(_ pending: PendingPublish, _ error: TransportError) -> TransportError {
        guard pending.wasSent, error.code != .indeterminate else { return error }
        return TransportError(
            .indeterminate,
            "A message to \(pending.request.address) was sent and not confirmed, and sending it again failed: "
                + error.message, cause: error)
    }

    func unconfirmed(_ request: PublishRequest, _ now: ContinuousClock.Instant) -> TransportError {
        TransportError(
            .indeterminate,
            "A message to \(request.address) was sent and not confirmed within \(request.waited(until: now)): \(state)."
        )
    }

    func lost(_ request: PublishRequest, _ reason: String) -> TransportError {
        TransportError(
            .indeterminate,
            "A message to \(request.address) was sent, and the connection to \(url) was lost before it was confirmed: "
                + "\(reason).")
    }

    func cancelled(_ request: PublishRequest, sent: Bool) -> TransportError {
        sent
            ? TransportError(
                .indeterminate,
                "The task was cancelled when a message to \(request.address) was sent and not yet confirmed.")
            : TransportError(.cancelled, "The task was cancelled before a message to \(request.address) was sent.")
    }

    func tooMany(_ request: PublishRequest, _ limit: Int) -> TransportError {
        TransportError(
            .exhausted, "A message to \(request.address) was not sent: \(limit) messages wait already, and \(state).")
    }

    func unroutable(_ request: PublishRequest, _ returned: IncomingMethod.Return) -> TransportError {
        let exchange = returned.exchange.isEmpty ? "the default exchange" : "exchange \(returned.exchange)"
        return TransportError(
            .unroutable,
            "Nobody takes messages to \(request.address) at \(url): \(exchange), routing key \(returned.routingKey), "
                + "\(returned.code) \(returned.text).")
    }

    func unframeable(_ request: PublishRequest, _ defect: String) -> TransportError {
        TransportError(.messageTooLarge, "A message to \(request.address) was not sent to \(url): \(defect).")
    }

    func negative(_ request: PublishRequest) -> TransportError {
        TransportError(
            .exhausted,
            "The broker of \(url) did not take a message to \(request.address) within \(request.waited(until: .now)) (basic.nack): "
                + "its queue is full or has no leader.")
    }

    /// The broker closes the connection over the declaration.
    func undeclarable(
        _ request: PublishRequest, _ reason: String, _ now: ContinuousClock.Instant
    ) -> TransportError {
        TransportError(
            .unavailable,
            "A message to \(request.address) was not sent within \(request.waited(until: now)): its exchange cannot be declared "
                + "at \(url), as the broker fails over it (\(reason)). Its log says why.")
    }

    /// The broker closed the channel over one publish.
    func rejected(_ request: PublishRequest, _ closure: IncomingMethod.Closure) -> TransportError {
        let code: TransportError.Code =
            switch closure.code {
            case 403: .refused
            case 404: .unroutable
            case 406 where closure.text.contains("larger than"): .messageTooLarge
            case 406: .conflict
            default: .internalError
            }
        return TransportError(
            code,
            "The broker of \(url) refused a message to \(request.address): \(closure.code) "
                + "\(closure.text.withoutFullStop).")
    }

    /// The broker closed the channel over a declaration.
    func refused(
        _ declaration: Declaration, _ closure: IncomingMethod.Closure, for address: Address
    ) -> TransportError {
        var sentence = "\(declaration.name.capitalizedFirst), which \(address) needs, cannot be declared at \(url): "
        sentence += "\(closure.code) \(closure.text.withoutFullStop)."
        switch closure.code {
        case 406:
            if let argument = ConflictingArgument(in: closure.text) {
                sentence += " \(argument.advice(for: declaration, topology))"
            }
            return TransportError(.conflict, sentence)
        case 403: return TransportError(.refused, sentence)
        default: return TransportError(.internalError, sentence)
        }
    }
}

extension Place {
    func cancelled(_ request: SubscriptionRequest) -> TransportError {
        TransportError(.cancelled, "The task was cancelled before the subscription to \(request.address) was live.")
    }

    func notLive(
        _ request: SubscriptionRequest, _ reason: String?, _ now: ContinuousClock.Instant
    ) -> TransportError {
        let waited = request.started.duration(to: now).inSeconds
        let last = reason.map { " (last reason: \($0))" } ?? ""
        return TransportError(
            .unavailable, "The subscription to \(request.address) was not live within \(waited)\(last): \(state).")
    }

    func refused(_ request: SubscriptionRequest, _ closure: IncomingMethod.Closure) -> TransportError {
        TransportError(
            closure.code == 403 ? .refused : .conflict,
            "The broker of \(url) refuses the subscription to \(request.address) (queue \(request.plan.queue)): \(closure.code) "
                + "\(closure.text.withoutFullStop).")
    }
}

extension TransportError {
    /// The broker refuses the connection.
    init(refused endpoint: Endpoint, _ username: String, _ loss: ConnectionLoss) {
        self.init(
            .refused,
            "RabbitMQ refuses \(endpoint.description(username: username)): \(loss.reason.withoutFullStop)."
                + (loss.isAboutLogin
                    ? " Check the user, its password and permissions, and that the virtual host exists." : ""))
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
#endif
