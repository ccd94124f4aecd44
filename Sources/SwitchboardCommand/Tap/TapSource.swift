#if RabbitMQ
    import Foundation
    import Logging
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// Sees what passes through a virtual host of RabbitMQ, without consuming anything.
    ///
    /// It has an exclusive queue of its own, bound to the exchanges of requests and notifications, or, where RabbitMQ's firehose is on,
    /// to that alone. When the connection is lost it makes another one, with a new queue. Nothing of it stays at the broker.
    struct TapSource: Sendable {
        let url: TransportURL
        let wishes: TapWishes
        /// Other exchanges that are there, where something knows them.
        var knownExchanges: [String] = []

        private static let firstPause = Duration.milliseconds(500)
        private static let longestPause = Duration.seconds(30)

        init(_ url: TransportURL, _ wishes: TapWishes) {
            self.url = url
            self.wishes = wishes
        }

        /// Sees, until the task is cancelled.
        ///
        /// - Parameter receive: gets everything in its order, one after the other. While it works, messages wait, up to a bound.
        /// - Throws: a ``Failure`` where the first connection can't be used, and what `receive` throws.
        func run(_ receive: @Sendable (TapEvent) async throws -> Void) async throws {
            var pause = Self.firstPause
            var hasBegun = false
            while !Task.isCancelled {
                do {
                    try await watch { event in
                        if case .began = event { hasBegun = true }
                        if case .message = event { pause = Self.firstPause }
                        try await receive(event)
                    }
                } catch let error as InspectionFailure {
                    guard hasBegun else { throw Failure(Self.sentence(error, url), exit: MessageExit.queue) }
                    if !Task.isCancelled { try await receive(.lost(error.reason)) }
                }
                try? await Task.sleep(for: pause * Double.random(in: 0.5...1))
                pause = min(pause * 2, Self.longestPause)
            }
        }

        private static func sentence(_ error: InspectionFailure, _ url: TransportURL) -> String {
            "\(url) can't be tapped: \(error.reason). 'switchboard doctor' looks for the cause."
        }

        // MARK: One connection

        private func watch(_ receive: (TapEvent) async throws -> Void) async throws {
            let inspection = try inspection()
            let feed = TapFeed()
            let look = try await logIn(inspection)
            let tap: BrokerTap
            do throws(InspectionFailure) {
                tap = try await BrokerTap(
                    on: look, messageLimit: inspection.maximumMessageSize, deliver: { feed.put($0) },
                    ended: { feed.end($0) })
            } catch {
                await look.close()
                throw error
            }
            do {
                try await watch(tap, inspection, feed, receive)
                await tap.close()
            } catch {
                await tap.close()
                throw error
            }
        }

        private func watch(
            _ tap: BrokerTap, _ inspection: BrokerInspection, _ feed: TapFeed,
            _ receive: (TapEvent) async throws -> Void
        ) async throws {
            var iterator = feed.messages.makeAsyncIterator()
            let binder = TapBinder(wishes: wishes, knownExchanges: knownExchanges, tap: tap)
            var coverage = TapCoverage(
                replies: .none, exchanges: [], virtualHost: inspection.hosts.first?.virtualHost ?? "/")
            if wishes.replies == .auto || wishes.replies == .firehose {
                let firehose = try await probeFirehose(tap, inspection, &iterator, feed)
                switch firehose {
                case .on: coverage.replies = .firehose
                case .off where wishes.replies == .firehose, .refused where wishes.replies == .firehose:
                    throw Failure(
                        "The firehose of the virtual host \(coverage.virtualHost) \(firehose.text). "
                            + TapHelp.enabling(coverage.virtualHost), exit: MessageExit.queue)
                case .off, .refused:
                    coverage.replies = .bindings
                    coverage.remark =
                        "The firehose \(firehose.text), so replies are only seen where reply queues have exchanges "
                        + "(oslo.messaging before 10.0). \(TapHelp.enabling(coverage.virtualHost))"
                }
            } else if wishes.replies == .bindings {
                coverage.replies = .bindings
            }
            coverage.exchanges =
                coverage.replies == .firehose ? try await binder.bindFirehose() : try await binder.bindExchanges()
            try await receive(.began(coverage))
            var replies = ReplyBindings(tap: tap, isOn: coverage.replies == .bindings)
            while var message = await iterator.next(isolation: #isolation) {
                let missed = feed.took(message)
                if missed > 0 { try await receive(.missed(missed)) }
                if Self.isOwn(message) { continue }
                if coverage.replies == .bindings { message.showsReplies = try await replies.show(repliesTo: message) }
                try await receive(.message(message))
            }
            if !Task.isCancelled { throw InspectionFailure(lost: feed.lossReason) }
        }

        /// Whether a message is of a tap, this one or another.
        private static func isOwn(_ message: TappedMessage) -> Bool {
            if case .delivered(let queue, _) = message.motion, queue.hasPrefix(BrokerTap.queuePrefix) { return true }
            return message.exchange.isEmpty && message.routingKey.hasPrefix(BrokerTap.queuePrefix)
        }

        private func inspection() throws -> BrokerInspection {
            do throws(TransportError) {
                return try BrokerInspection(
                    url, besides: CommandSettings.current.rabbitMQ.announced, timeout: wishes.timeout,
                    logger: Doctor.silent)
            } catch {
                throw Failure(error.message, exit: MessageExit.queue)
            }
        }

        /// At the first host that takes us.
        private func logIn(_ inspection: BrokerInspection) async throws -> BrokerLook {
            var failure: InspectionFailure?
            for host in inspection.hosts {
                do throws(InspectionFailure) {
                    return try await inspection.logIn(to: host)
                } catch {
                    failure = failure ?? error
                }
            }
            throw failure ?? InspectionFailure(lost: "the URL has no host")
        }

        // MARK: The firehose

        private enum FirehoseState {
            case on, off, refused

            var text: String {
                switch self {
                case .on: "is on"
                case .off: "is off"
                case .refused: "can't be read by this user (it needs the permission to read \(BrokerTap.firehose))"
                }
            }
        }

        /// Nothing tells whether the firehose is on, so a message to the tap's own queue shows it: the firehose tells of that first.
        private func probeFirehose(
            _ tap: BrokerTap, _ inspection: BrokerInspection, _ iterator: inout AsyncStream<TappedMessage>.Iterator,
            _ feed: TapFeed
        ) async throws -> FirehoseState {
            guard try await tap.bind(to: BrokerTap.firehose, key: "publish.") == .bound else { return .refused }
            let prober = try await logIn(inspection)
            let refusal = await Result { () async throws(InspectionFailure) in
                try await prober.publishProbe(to: tap.queue)
            }
            await prober.close()
            if case .failure = refusal { return .off }
            if case .success(.some) = refusal { return .off }
            // The probe itself comes in any case: the connection is alive, and nothing else goes to this queue by the default exchange.
            var isOn = false
            while let message = await iterator.next(isolation: #isolation) {
                _ = feed.took(message)
                guard message.exchange.isEmpty, message.routingKey == tap.queue else { continue }
                if message.connection == nil { break }
                isOn = true
                break
            }
            if isOn { return .on }
            _ = try await tap.unbind(from: BrokerTap.firehose, key: "publish.")
            return .off
        }
    }
#endif
