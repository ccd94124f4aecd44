#if RabbitMQ
import SwitchboardCore

/// Puts together what comes on a tap's channel. Lives in its ``InspectionSession``, on the connection's event loop.
final class TapReceiver {
    static let channel: UInt16 = 2

    private let limit: Int
    private let deliver: @Sendable (TappedDelivery) -> Void
    private let ended: @Sendable (String) -> Void
    private var assembler = ContentAssembler<IncomingMethod.Route>()
    private var hasEnded = false
    private(set) var isWatching = false
    /// Why the broker sends no more, once that is so.
    private(set) var reason: String?

    /// - Parameter limit: of a body, in bytes; a longer one is counted and let go.
    init(
        limit: Int, deliver: @escaping @Sendable (TappedDelivery) -> Void, ended: @escaping @Sendable (String) -> Void
    ) {
        self.limit = limit
        self.deliver = deliver
        self.ended = ended
    }

    func received(_ method: IncomingMethod) throws(ProtocolViolation) {
        switch method {
        case .routed(let route): try assembler.began(route)
        case .consumeOK: isWatching = true
        case .channelClose(let closure): reason = reason ?? "\(closure.code) \(closure.text)"
        case .cancel: reason = reason ?? "the broker took the tap's queue away"
        default: break
        }
    }

    func received(_ header: ContentHeader) throws(ProtocolViolation) {
        if let content = try assembler.received(header, limit: limit) { hand(content) }
    }

    func received(_ body: UnsafeRawBufferPointer) throws(ProtocolViolation) {
        if let content = try assembler.received(body) { hand(content) }
    }

    private func hand(_ content: ContentAssembler<IncomingMethod.Route>.Content) {
        let header = content.header
        deliver(
            TappedDelivery(
                exchange: content.method.exchange, routingKey: content.method.routingKey,
                message: Message(
                    body: content.body, contentType: header.contentType, contentEncoding: header.contentEncoding,
                    headers: header.headers), defect: header.defect?.description))
    }

    /// The connection is over.
    func end(_ reason: String) {
        guard !hasEnded else { return }
        hasEnded = true
        ended(reason)
    }
}
#endif
