#if RabbitMQ
    import Foundation
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// From a connection's event loop to the task that reads. What comes faster than it is read is counted and let go, so that
    /// memory stays bounded.
    final class TapFeed: Sendable {
        private struct Held {
            var count = 0
            var bytes = 0
            var missed = 0
            var lossReason = "the connection was closed"
        }

        private static let mostMessages = 100_000
        private static let mostBytes = 128 * 1024 * 1024

        /// The messages; ends with the connection.
        let messages: AsyncStream<TappedMessage>
        private let source: AsyncStream<TappedMessage>.Continuation
        private let held = Locked(Held())

        init() {
            (messages, source) = AsyncStream.makeStream(of: TappedMessage.self)
        }

        /// Takes a message, on the event loop.
        func put(_ delivery: TappedDelivery) {
            let message = TappedMessage(delivery, instant: .now, time: Date.now.timeIntervalSince1970)
            let size = message.message.body.count
            let fits = held.withLock { held in
                guard held.count < Self.mostMessages, held.bytes + size <= Self.mostBytes else {
                    held.missed += 1
                    return false
                }
                held.count += 1
                held.bytes += size
                return true
            }
            if fits { source.yield(message) }
        }

        func end(_ reason: String) {
            held.withLock { $0.lossReason = reason }
            source.finish()
        }

        /// A message was read. Returns how many were let go since the last one.
        func took(_ message: TappedMessage) -> Int {
            held.withLock { held in
                held.count -= 1
                held.bytes -= message.message.body.count
                defer { held.missed = 0 }
                return held.missed
            }
        }

        /// Why no more come.
        var lossReason: String { held.withLock { $0.lossReason } }
    }

    extension TappedMessage {
        init(_ delivery: TappedDelivery, instant: ContinuousClock.Instant, time: Double) {
            let headers = delivery.message.headers
            guard delivery.exchange == BrokerTap.firehose else {
                self.init(
                    exchange: delivery.exchange, routingKey: delivery.routingKey, message: delivery.message,
                    defect: delivery.defect, instant: instant, time: time, showsReplies: false)
                return
            }
            // publish.EXCHANGE or deliver.QUEUE; the message's own properties are in a table of headers.
            var message = Message(body: delivery.message.body)
            message.contentType = headers["properties.content_type"] ?? ""
            message.contentEncoding = headers["properties.content_encoding"] ?? ""
            message.headers["compression"] = headers["properties.headers.compression"]
            message.headers["properties.expiration"] = headers["properties.expiration"]
            self.init(
                exchange: headers["exchange_name"] ?? "", routingKey: headers["routing_keys"] ?? "", message: message,
                defect: delivery.defect, instant: instant, time: time, connection: headers["connection"],
                user: headers["user"], showsReplies: true)
            if delivery.routingKey.hasPrefix("deliver.") {
                let queue = String(delivery.routingKey.dropFirst("deliver.".count))
                let isRedelivered = ["1", "true"].contains(headers["redelivered"])
                motion = .delivered(queue: queue, isRedelivered: isRedelivered)
            }
        }
    }
#endif
