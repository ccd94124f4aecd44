#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// Binds a tap's queue to what it is to see.
    struct TapBinder {
        let wishes: TapWishes
        let knownExchanges: [String]
        let tap: BrokerTap

        private var candidates: [String] {
            if !wishes.exchanges.isEmpty { return wishes.exchanges }
            return knownExchanges.isEmpty ? KnownNames.exchanges : knownExchanges.filter { !$0.hasSuffix("_fanout") }
        }

        private var fanouts: [String] {
            if !wishes.topics.isEmpty { return wishes.topics.map { "\($0)_fanout" } }
            let known = knownExchanges.filter { $0.hasSuffix("_fanout") }
            return known.isEmpty ? KnownNames.topics.map { "\($0)_fanout" } : known
        }

        /// To the exchanges themselves. Returns those that are there.
        func bindExchanges() async throws -> [String] {
            let keys = wishes.topics.isEmpty ? ["#"] : wishes.topics.flatMap { [$0, "\($0).#"] }
            var bound: [String] = []
            for exchange in candidates {
                for key in keys {
                    let isBound = try await bind(exchange, key)
                    if isBound, bound.last != exchange { bound.append(exchange) }
                    if !isBound { break }
                }
            }
            guard !bound.isEmpty else {
                throw Failure(
                    wishes.exchanges.isEmpty
                        ? "None of the exchanges that services of OpenStack use is there. Name one with --exchange (its program's "
                            + "control_exchange), or give --management-url, which knows all. Is it the right virtual host?"
                        : "There is no exchange \(wishes.exchanges.joined(separator: ", ")): the services make it when they start.",
                    exit: MessageExit.unroutable)
            }
            for fanout in fanouts where try await bind(fanout, "") { bound.append(fanout) }
            return bound
        }

        private func bind(_ exchange: String, _ key: String) async throws -> Bool {
            switch try await tap.bind(to: exchange, key: key) {
            case .bound: return true
            case .noSuchExchange: return false
            case .refused(let text):
                throw Failure(
                    "The user \(tap.username) may not tap the exchange \(exchange): \(text). It needs the permission to read "
                        + "it, and to configure and write queues named \(BrokerTap.queuePrefix)*.",
                    exit: MessageExit.queue)
            }
        }

        /// To the firehose, which tells what is published to them. Replies go by the default exchange.
        func bindFirehose() async throws -> [String] {
            if wishes.followsDeliveries {
                let keys =
                    wishes.topics.isEmpty ? ["deliver.#"] : wishes.topics.map { "deliver.\($0).#" }
                for key in keys { _ = try await tap.bind(to: BrokerTap.firehose, key: key) }
            }
            if wishes.exchanges.isEmpty, wishes.topics.isEmpty {
                _ = try await tap.bind(to: BrokerTap.firehose, key: "publish.#")
                return ["all"]
            }
            let exchanges = candidates + fanouts
            for exchange in exchanges { _ = try await tap.bind(to: BrokerTap.firehose, key: "publish.\(exchange)") }
            return wishes.exchanges.isEmpty ? fanouts : exchanges
        }
    }

    /// Binds a tap's queue to the exchanges of reply queues as they appear, where there are such exchanges.
    struct ReplyBindings {
        let tap: BrokerTap
        /// Off once it is clear that replies go another way.
        private(set) var isOn: Bool
        private var seen = Bounded<String, Bool>(10_000)
        private var misses = 0

        private static let mostMisses = 3

        init(tap: BrokerTap, isOn: Bool) {
            self.tap = tap
            self.isOn = isOn
        }

        /// Whether the replies to a request will be seen.
        mutating func show(repliesTo message: TappedMessage) async throws -> Bool {
            guard case .request(let request) = PassingMessage(message.message), request.id != nil,
                let queue = request.replyQueue, !queue.isEmpty
            else { return false }
            if let known = seen[queue] { return known }
            guard isOn, queue.utf8.count <= 255 else { return false }
            let isBound = try await tap.bind(to: queue, key: queue) == .bound
            _ = seen.set(queue, isBound)
            misses = isBound ? 0 : misses + 1
            if misses >= Self.mostMisses { isOn = false }
            return isBound
        }
    }
#endif
