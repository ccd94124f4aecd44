#if RabbitMQ
/// The AMQP methods that we send.
enum OutgoingMethod: Hashable, Sendable {
    case startOK(properties: FieldTable, mechanism: String, response: [UInt8])
    case tuneOK(channelMax: UInt16, frameMax: UInt32, heartbeat: UInt16)
    case open(virtualHost: String)
    case updateSecret([UInt8], reason: String)
    case close(code: UInt16, text: String)
    case closeOK
    case channelOpen
    case channelClose(code: UInt16, text: String)
    case channelCloseOK
    case channelFlowOK(active: Bool)
    case confirmSelect
    case prefetch(UInt16)
    case declareExchange(ExchangeDeclaration)
    case declareQueue(QueueDeclaration)
    /// Asks about a queue and changes nothing: a passive declaration.
    case inspectQueue(String)
    /// Asks about an exchange and changes nothing.
    case inspectExchange(String)
    case bind(Binding)
    case unbind(Binding)
    /// Takes a binding between two exchanges away.
    case unbindExchange(destination: String, source: String, key: String)
    case deleteQueue(String)
    case consume(queue: String, tag: String, arguments: FieldTable)
    /// Consumes a queue of one's own without acknowledging.
    case watch(queue: String, tag: String)
    case cancel(tag: String)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool, requeue: Bool)
    case reject(tag: UInt64, requeue: Bool)
}
#endif
