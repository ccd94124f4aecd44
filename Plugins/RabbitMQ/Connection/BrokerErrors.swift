#if RabbitMQ
import SwitchboardCore

/// The sentences for what a broker doesn't do.
struct BrokerErrors: Sendable {
    /// The URL, with its passwords masked.
    let url: String
    let topology: RabbitMQTopology

    // MARK: Publishing

    /// The connection was lost before the message was written.
    func unwritten(_ address: Address) -> TransportError {
        TransportError(.unavailable, "A message to \(address) was not sent: the connection to \(url) was lost before.")
    }

    /// What the address needs isn't declared yet.
    func undeclared(_ address: Address) -> TransportError {
        TransportError(.unavailable, "A message to \(address) was not sent: its exchange has not been declared")
    }

    /// The broker closes the connection over the declaration.
    func undeclarable(_ address: Address, _ reason: String) -> TransportError {
        TransportError(
            .unavailable,
            "A message to \(address) was not sent: its exchange cannot be declared at \(url), as the broker fails over it "
                + "(\(reason)); its log says why.")
    }

    func unroutable(_ address: Address, _ returned: IncomingMethod.Return) -> TransportError {
        let exchange = returned.exchange.isEmpty ? "the default exchange" : "exchange \(returned.exchange)"
        return TransportError(
            .unroutable,
            "No consumer takes messages to \(address) at \(url): \(exchange), routing key \(returned.routingKey), "
                + "\(returned.code) \(returned.text).")
    }

    func unframeable(_ address: Address, _ defect: String) -> TransportError {
        TransportError(.messageTooLarge, "A message to \(address) was not sent to \(url): \(defect).")
    }

    func negative(_ address: Address) -> TransportError {
        TransportError(
            .exhausted,
            "The broker of \(url) did not take a message to \(address) (basic.nack): its queue is full or has no leader."
        )
    }

    /// The broker closed the channel, and may have taken the message before.
    func lost(_ address: Address, _ closure: IncomingMethod.Closure) -> TransportError {
        TransportError(
            .indeterminate,
            "A message to \(address) was sent, and the channel to \(url) was lost before it was confirmed: the broker "
                + "closed the channel: \(closure.code) \(closure.text.withoutFullStop).")
    }

    /// The broker closed the channel over one publish.
    func rejected(_ address: Address, _ closure: IncomingMethod.Closure) -> TransportError {
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
            "The broker of \(url) refused a message to \(address): \(closure.code) \(closure.text.withoutFullStop).")
    }

    // MARK: Declaring and consuming

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

    /// The broker closed the channel over the consumer.
    func refused(
        _ queue: String, _ closure: IncomingMethod.Closure, for address: Address
    ) -> TransportError {
        TransportError(
            closure.code == 403 ? .refused : .conflict,
            "The broker of \(url) refuses the subscription to \(address) (queue \(queue)): \(closure.code) "
                + "\(closure.text.withoutFullStop).")
    }

    func ended(_ address: Address) -> TransportError {
        TransportError(
            .closed, "The subscription to \(address) has ended; its unsettled deliveries have gone back.")
    }

    // MARK: Connecting

    /// The broker refuses the connection.
    static func refused(_ endpoint: Endpoint, _ username: String, _ loss: ConnectionLoss) -> TransportError {
        TransportError(
            .refused,
            "RabbitMQ refuses \(endpoint.description(username: username)): \(loss.reason.withoutFullStop)."
                + (loss.isAboutLogin
                    ? " Check the user, its password and permissions, and that the virtual host exists." : ""))
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }

    /// For a broker's text in the middle of a sentence.
    var withoutFullStop: String {
        hasSuffix(".") ? String(dropLast()) : self
    }
}
#endif
