#if RabbitMQ
/// An exchange as it is declared.
struct ExchangeDeclaration: Hashable, Sendable {
    enum Kind: String, Sendable {
        case topic, fanout
    }

    var name: String
    var type: Kind
    var isDurable: Bool
    var deletesItself: Bool
}

/// A queue as it is declared. A driver's are never exclusive: an exclusive queue stays locked when its connection died unnoticed.
struct QueueDeclaration: Hashable, Sendable {
    var name: String
    var isDurable: Bool
    var deletesItself: Bool
    var arguments: FieldTable
    /// Whether it is its connection's alone, and goes with it: a tap's.
    var isExclusive = false
}

struct Binding: Hashable, Sendable {
    var queue: String
    var exchange: String
    var key: String
}

/// One step of making what an address needs; repeating it does nothing.
enum Declaration: Hashable, Sendable {
    case exchange(ExchangeDeclaration)
    case queue(QueueDeclaration)
    case binding(Binding)

    var method: OutgoingMethod {
        switch self {
        case .exchange(let exchange): .declareExchange(exchange)
        case .queue(let queue): .declareQueue(queue)
        case .binding(let binding): .bind(binding)
        }
    }

    /// What is declared, whatever its properties are: a broker may demand others.
    enum Subject: Hashable, Sendable {
        case exchange(String)
        case queue(String)
        case binding(Binding)
    }

    var subject: Subject {
        switch self {
        case .exchange(let exchange): .exchange(exchange.name)
        case .queue(let queue): .queue(queue.name)
        case .binding(let binding): .binding(binding)
        }
    }

    /// What a person calls it.
    var name: String {
        switch self {
        case .exchange(let exchange): "exchange \(exchange.name)"
        case .queue(let queue): "queue \(queue.name)"
        case .binding(let binding): "binding of queue \(binding.queue) to exchange \(binding.exchange)"
        }
    }
}
#endif
