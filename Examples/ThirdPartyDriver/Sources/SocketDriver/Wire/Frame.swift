import SwitchboardCore

/// What goes over the socket: a length of four bytes, a kind, and fields.
///
/// A client numbers its requests and subscriptions; the hub answers a request with `done` or `failed` of its number.
enum Frame: Hashable, Sendable {
    case publish(UInt64, Address, Message, mandatory: Bool, milliseconds: UInt64)
    case subscribe(UInt64, Address, prefetch: UInt64)
    /// The subscriber takes no more, and may still settle what it has.
    case pause(UInt64)
    case unsubscribe(UInt64, subscription: UInt64)
    case settle(subscription: UInt64, delivery: UInt64, Settlement)

    case done(UInt64)
    case failed(UInt64, code: String, message: String)
    case delivery(subscription: UInt64, delivery: UInt64, attempt: UInt64, isRedelivered: Bool, Message)

    /// A frame that is longer is a peer's mistake.
    static let maximumLength = 256 * 1024 * 1024

    /// The whole frame, its length in front.
    var bytes: [UInt8] {
        var writer = FrameWriter()
        switch self {
        case .publish(let id, let address, let message, let mandatory, let milliseconds):
            writer.put(kind: 1)
            writer.put(id)
            writer.put(address)
            writer.put(mandatory ? 1 : 0)
            writer.put(milliseconds)
            writer.put(message)
        case .subscribe(let id, let address, let prefetch):
            writer.put(kind: 2)
            writer.put(id)
            writer.put(address)
            writer.put(prefetch)
        case .pause(let id):
            writer.put(kind: 3)
            writer.put(id)
        case .unsubscribe(let id, let subscription):
            writer.put(kind: 4)
            writer.put(id)
            writer.put(subscription)
        case .settle(let subscription, let delivery, let settlement):
            writer.put(kind: 5)
            writer.put(subscription)
            writer.put(delivery)
            writer.put(settlement)
        case .done(let id):
            writer.put(kind: 6)
            writer.put(id)
        case .failed(let id, let code, let message):
            writer.put(kind: 7)
            writer.put(id)
            writer.put(code)
            writer.put(message)
        case .delivery(let subscription, let delivery, let attempt, let isRedelivered, let message):
            writer.put(kind: 8)
            writer.put(subscription)
            writer.put(delivery)
            writer.put(attempt)
            writer.put(isRedelivered ? 1 : 0)
            writer.put(message)
        }
        return writer.finish()
    }

    /// Reads what follows the length; `nil` when it is no frame.
    init?(_ body: [UInt8]) {
        var reader = FrameReader(body)
        guard let kind = reader.byte(), let id = reader.number() else { return nil }
        switch kind {
        case 1:
            guard let address = reader.address(), let mandatory = reader.number(), let time = reader.number(),
                let message = reader.message()
            else { return nil }
            self = .publish(id, address, message, mandatory: mandatory == 1, milliseconds: time)
        case 2:
            guard let address = reader.address(), let prefetch = reader.number(), prefetch >= 1 else { return nil }
            self = .subscribe(id, address, prefetch: prefetch)
        case 3: self = .pause(id)
        case 4:
            guard let subscription = reader.number() else { return nil }
            self = .unsubscribe(id, subscription: subscription)
        case 5:
            guard let delivery = reader.number(), let settlement = reader.settlement() else { return nil }
            self = .settle(subscription: id, delivery: delivery, settlement)
        case 6: self = .done(id)
        case 7:
            guard let code = reader.text(), let message = reader.text() else { return nil }
            self = .failed(id, code: code, message: message)
        case 8:
            guard let delivery = reader.number(), let attempt = reader.number(), let isRedelivered = reader.number(),
                isRedelivered <= 1, let message = reader.message()
            else { return nil }
            self = .delivery(
                subscription: id, delivery: delivery, attempt: attempt, isRedelivered: isRedelivered == 1, message)
        default: return nil
        }
        guard reader.isAtEnd else { return nil }
    }
}
