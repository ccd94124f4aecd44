import SwitchboardCore
import Synchronization

/// What one client of the hub asks for.
final class HubClient: Sendable {
    /// A subscription of the client, while it lasts.
    private struct Subscription: Sendable {
        var unsettled: [UInt64: Delivery] = [:]
        var nextDelivery: UInt64 = 0
        let commands: AsyncStream<Command>.Continuation
    }

    private enum Command: Sendable {
        case pause
        /// The number of the request to answer when what was unsettled has gone back.
        case end(UInt64?)
    }

    private let socket: FrameSocket
    private let transport: Transport
    private let subscriptions = Mutex<[UInt64: Subscription]>([:])

    init(_ socket: FrameSocket, _ transport: Transport) {
        self.socket = socket
        self.transport = transport
    }

    /// Serves until the connection ends; what the client had not settled then goes back, as one attempt more.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await frame in socket.frames() {
                switch frame {
                case .publish(let id, let address, let message, let mandatory, let milliseconds):
                    group.addTask { await self.publish(id, address, message, mandatory, milliseconds) }
                case .subscribe(let id, let address, let prefetch):
                    let (commands, source) = AsyncStream.makeStream(of: Command.self)
                    self.subscriptions.withLock { $0[id] = Subscription(commands: source) }
                    group.addTask { await self.subscribe(id, address, prefetch, commands) }
                case .pause(let id):
                    self.command(id, .pause)
                case .unsubscribe(let request, let id):
                    if !self.command(id, .end(request)) { self.socket.send(.done(request)) }
                case .settle(let subscription, let delivery, let settlement):
                    await self.settle(settlement, delivery, of: subscription)
                case .done, .failed, .delivery:
                    self.socket.shut()
                }
            }
            for id in self.subscriptions.withLock({ Array($0.keys) }) { self.command(id, .end(nil)) }
            group.cancelAll()
        }
    }

    private func publish(
        _ id: UInt64, _ address: Address, _ message: Message, _ mandatory: Bool, _ milliseconds: UInt64
    ) async {
        let wait = Duration.milliseconds(Int64(clamping: min(milliseconds, 1 << 40)))
        do throws(TransportError) {
            try await transport.publish(message, to: address, deadline: .now + wait, mandatory: mandatory)
            socket.send(.done(id))
        } catch {
            socket.send(.failed(id, code: error.code.description, message: error.message))
        }
    }

    private func subscribe(
        _ id: UInt64, _ address: Address, _ prefetch: UInt64, _ commands: AsyncStream<Command>
    ) async {
        let options = SubscriptionOptions(prefetch: Int(clamping: min(max(1, prefetch), 1 << 20)))
        do {
            let request = try await transport.withSubscription(to: address, options: options) { deliveries in
                socket.send(.done(id))
                return await self.deliver(deliveries, id, commands)
            }
            if let request { socket.send(.done(request)) }
        } catch let error as TransportError {
            socket.send(.failed(id, code: error.code.description, message: error.message))
        } catch {
            socket.send(.failed(id, code: TransportError.Code.internalError.description, message: "\(error)"))
        }
        subscriptions.withLock { _ = $0.removeValue(forKey: id) }
    }

    /// Passes deliveries on until told to pause, and holds what is unsettled until told to end.
    private func deliver(_ deliveries: Deliveries, _ id: UInt64, _ commands: AsyncStream<Command>) async -> UInt64? {
        let reader = Task {
            for try await delivery in deliveries {
                guard let number = self.keep(delivery, of: id) else { break }
                socket.send(
                    .delivery(
                        subscription: id, delivery: number, attempt: UInt64(clamping: delivery.attempt ?? 1),
                        isRedelivered: delivery.isRedelivered, delivery.message))
            }
        }
        defer { reader.cancel() }
        for await command in commands {
            switch command {
            case .pause: reader.cancel()
            case .end(let request):
                reader.cancel()
                let unsettled = subscriptions.withLock { subscriptions in
                    let unsettled = subscriptions[id]?.unsettled ?? [:]
                    subscriptions[id]?.unsettled = [:]
                    return unsettled
                }
                // A client that says goodbye gives them back unhandled. What one that vanishes was at may be why it did.
                if request == nil {
                    for (_, delivery) in unsettled.sorted(by: { $0.key < $1.key }) { try? await delivery.requeue() }
                }
                return request
            }
        }
        return nil
    }

    private func keep(_ delivery: Delivery, of id: UInt64) -> UInt64? {
        subscriptions.withLock { subscriptions in
            guard let number = subscriptions[id]?.nextDelivery else { return nil }
            subscriptions[id]?.nextDelivery += 1
            subscriptions[id]?.unsettled[number] = delivery
            return number
        }
    }

    private func settle(_ settlement: Settlement, _ number: UInt64, of id: UInt64) async {
        let delivery = subscriptions.withLock { $0[id]?.unsettled.removeValue(forKey: number) }
        // One that is unknown went back when its subscription ended.
        try? await delivery?.settle(settlement)
    }

    @discardableResult
    private func command(_ id: UInt64, _ command: Command) -> Bool {
        subscriptions.withLock { subscriptions in
            guard let commands = subscriptions[id]?.commands else { return false }
            commands.yield(command)
            return true
        }
    }
}
