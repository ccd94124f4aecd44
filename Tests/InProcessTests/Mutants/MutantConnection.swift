import SwitchboardInProcess
import SwitchboardTesting

@testable import SwitchboardCore

/// A connection of the in-process driver with a bug, or none.
final class MutantConnection: DriverConnection {
    private let base: any DriverConnection
    private let patient: any DriverConnection
    private let world: MutantWorld
    private let signals: ConnectionSignals
    /// What came to each subscription.
    private let delivered = Locked<[UInt64: [Delivery]]>([:])

    private var mutation: Mutation? { world.mutation }

    init(
        _ base: any DriverConnection, _ patient: any DriverConnection, _ world: MutantWorld,
        _ signals: ConnectionSignals
    ) {
        self.base = base
        self.patient = patient
        self.world = world
        self.signals = signals
    }

    func close() async {
        if mutation == .cancellationOfRunSwallowed {
            await Task { try? await Task.sleep(for: .seconds(4)) }.value
        }
        if mutation == .closingTakenForLoss {
            signals.send(.lost(ConnectionFailure(TransportError(.unavailable, "Lost for good."), retry: .never)))
        }
        await base.close()
        await patient.close()
    }

    // MARK: Publishing

    func publish(_ publish: Publish) {
        switch mutation {
        case .messageLost where world.isStruck(oneIn: 7): accept(publish)
        case .messageDoubled where world.isStruck(oneIn: 5):
            send(publish.message, to: publish.address)
            base.publish(publish)
        case .longBodiesCut: change(publish) { $0.body = Array($0.body.prefix(1 << 20)) }
        case .bodiesTakenForText: change(publish) { $0.body = Array(String(decoding: $0.body, as: UTF8.self).utf8) }
        case .contentTypeLost: change(publish) { $0.contentType = "application/octet-stream" }
        case .headersLost: change(publish) { $0.headers = [:] }
        case .timeToLiveIgnored: change(publish) { $0.timeToLive = nil }
        case .earlyNotificationsDropped where !world.knows(publish.address): accept(publish)
        case .alwaysMandatory where !world.knows(publish.address):
            publish.finish(.failed(TransportError(.unroutable, "Nobody takes it.")))
        case .unroutableSwallowed:
            base.publish(publish.relayed { publish.finish($0.code == .unroutable ? .accepted : $0) })
        case .outcomeForgotten:
            base.publish(publish.relayed { if $0.code == nil { publish.finish($0) } })
        case .waitersForgotten:
            base.publish(publish.relayed { if $0.code != .exhausted { publish.finish($0) } })
        case .cancelledWaitersStay:
            base.publish(
                publish.relayed { outcome in
                    guard outcome.code == .exhausted else { return publish.finish(outcome) }
                    self.send(publish.message, to: publish.address, by: self.patient)
                })
        default: base.publish(publish.relayed(to: confused(publish.address)))
        }
    }

    private func accept(_ publish: Publish) {
        if publish.begin() { publish.finish(.accepted) }
    }

    private func change(_ publish: Publish, _ change: (inout Message) -> Void) {
        var message = publish.message
        change(&message)
        send(message, to: publish.address)
        accept(publish)
    }

    /// Publishes for itself: no caller knows of it.
    private func send(_ message: Message, to address: Address, by connection: (any DriverConnection)? = nil) {
        let record = PublishRecord(
            message, to: address, deadline: .now + .seconds(60), started: .now, mandatory: false,
            allowsDuplicates: false, isAwaited: true, core: world.stray)
        (connection ?? base).publish(record.nextTry())
    }

    /// The address that the bug takes for another.
    private func confused(_ address: Address) -> Address {
        switch (mutation, address) {
        case (.serverTakenForTopic, .server(let topic, _)): .topic(topic)
        case (.fanoutToOne, .fanout(let topic)): .topic(Topic("one of \(topic.name)", exchange: topic.exchange))
        case (.mailboxesShared, .mailbox): .mailbox(Mailbox(named: "shared"))
        case (.topicDiesWithConsumers, .topic(let topic)): .mailbox(Mailbox(named: "topic \(topic.name)"))
        default: address
        }
    }

    // MARK: Subscribing

    func subscribe(_ subscription: Subscription) {
        world.noteSubscription(to: subscription.address)
        let address = address(of: subscription)
        guard mutation == .newestFirst else {
            return base.subscribe(Subscription(relaying: subscription, to: address) { self.take($0, subscription) })
        }
        let early = Locked<[Delivery]?>([])
        base.subscribe(
            Subscription(relaying: subscription, to: address) { delivery in
                let isEarly = early.withLock { early in
                    early?.append(delivery)
                    return early != nil
                }
                return isEarly || subscription.append(delivery)
            })
        for delivery in (early.withLock { $0.take() } ?? []).reversed() { _ = subscription.append(delivery) }
        subscription.handOut()
    }

    private func address(of subscription: Subscription) -> Address {
        guard case .pool(let pool, let topic) = subscription.address else { return confused(subscription.address) }
        return switch mutation {
        case .poolsForgotten: .topic(Topic("nobody's"))
        case .poolMembersGetCopies: .pool("\(pool) \(subscription.id)", of: topic)
        case .poolQueuePerTopic: .pool("\(pool) \(topic.name)", of: topic)
        default: subscription.address
        }
    }

    /// The broker holds its lock: what settles here does so later.
    private func take(_ delivery: Delivery, _ subscription: Subscription) -> Bool {
        delivered.withLock { $0[subscription.id, default: []].append(delivery) }
        switch mutation {
        case .handingOutForgotten:
            Task {
                try await Task.sleep(for: .milliseconds(5))
                _ = subscription.append(delivery)
            }
            return true
        case .slowSubscribersForgotten:
            Task {
                try await Task.sleep(for: .milliseconds(20))
                delivery.settleInBackground(.release)
            }
        case .subscriptionLeaked, .endedDeliveriesFed:
            _ = subscription.append(delivery)
            return true
        case .prefetchIgnored:
            Task { try await delivery.accept() }
            return subscription.append(Delivery(message: delivery.message) { _ in })
        case .redeliveryUnmarked:
            return subscription.append(Delivery(message: delivery.message, attempt: 1, settle: delivery.settle))
        case .headersCounted:
            let attempt = delivery.message.headers["x-delivery-count"].flatMap { Int($0) } ?? 1
            return subscription.append(
                Delivery(
                    message: delivery.message, isRedelivered: delivery.isRedelivered, attempt: attempt,
                    settle: delivery.settle))
        default: break
        }
        guard mutation?.settlesWrongly == true else { return subscription.append(delivery) }
        return subscription.append(
            Delivery(
                message: delivery.message, isRedelivered: delivery.isRedelivered, attempt: delivery.attempt
            ) { settlement throws(TransportError) in
                try await self.settle(delivery, settlement, subscription.address)
            })
    }

    private func settle(
        _ delivery: Delivery, _ settlement: Settlement, _ address: Address
    ) async throws(TransportError) {
        switch (mutation, settlement) {
        case (.settlementMakesNoRoom, _), (.acceptForgotten, .accept): break
        case (.requeueLost, .requeue), (.deadLettersLost, .discard): try await delivery.accept()
        case (.discardRequeues, .discard), (.releasesCounted, .release): try await delivery.requeue()
        case (.failuresUncounted, .requeue): try await delivery.release()
        case (.requeuedToTheEnd, .requeue):
            try await delivery.accept()
            send(delivery.message, to: address)
        case (.lateSettlementTakesNext, _):
            do {
                try await delivery.settle(settlement)
            } catch {
                _ = steal(1, from: address)
                throw error
            }
        default: try await delivery.settle(settlement)
        }
    }

    /// Takes the first messages of a queue.
    private func steal(_ count: Int, from address: Address) -> [Message] {
        let buffer = DeliveryBuffer()
        let thief = Subscription(.max, to: address, SubscriptionOptions(prefetch: count), buffer)
        base.subscribe(thief)
        let stolen = buffer.removeAll()
        buffer.finish(nil)
        for delivery in stolen { delivery.settleInBackground(.accept) }
        base.unsubscribe(thief)
        return stolen.map(\.message)
    }

    func unsubscribe(_ subscription: Subscription) {
        let unsettled = delivered.withLock { $0.removeValue(forKey: subscription.id) } ?? []
        switch mutation {
        case .subscriptionLeaked: return signals.send(.ended(subscription))
        case .fanoutCopiesStay:
            if case .fanout = subscription.address { return signals.send(.ended(subscription)) }
        case .unsettledLost: for delivery in unsettled { delivery.settleInBackground(.accept) }
        case .unsettledReversed:
            for delivery in unsettled { delivery.settleInBackground(.accept) }
            for delivery in unsettled.reversed() { send(delivery.message, to: subscription.address) }
        case .timeToLiveStartsAnew:
            for delivery in unsettled { delivery.settleInBackground(.accept) }
            // What is behind is published again too, so that the order stays.
            let messages = unsettled.map(\.message) + steal(1000, from: subscription.address)
            for message in messages { send(message, to: subscription.address) }
        default: break
        }
        base.unsubscribe(subscription)
    }
}

extension PublishOutcome {
    /// `nil` if it was accepted, or goes on.
    fileprivate var code: TransportError.Code? { if case .failed(let error) = self { error.code } else { nil } }
}
