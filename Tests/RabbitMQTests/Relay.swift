#if RabbitMQ
import NIOCore
import NIOPosix
import SwitchboardCore

/// A TCP relay in front of a broker, to lose connections as networks lose them.
final class Relay: Sendable {
    /// Where it listens, on 127.0.0.1.
    let port: Int

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isFrozen = false
        var refuses = false
        var accepted = 0
    }

    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let state: Locked<State>
    private let listener: any Channel

    private init(listener: any Channel, state: Locked<State>) {
        self.listener = listener
        self.state = state
        port = listener.localAddress!.port!
    }

    /// Relays to `port` of this machine for as long as `body` runs.
    static func withRelay<Result>(
        to port: Int, _ body: (Relay) async throws -> Result
    ) async throws -> Result {
        let state = Locked(State())
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { front in
                accept(front, port, state)
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let relay = Relay(listener: listener, state: state)
        do {
            let result = try await body(relay)
            try await relay.close()
            return result
        } catch {
            try await relay.close()
            throw error
        }
    }

    private static func accept(
        _ front: any Channel, _ port: Int, _ state: Locked<State>
    ) -> EventLoopFuture<Void> {
        if state.withLock({ $0.refuses }) { return front.close() }
        return ClientBootstrap(group: front.eventLoop)
            .connect(host: "127.0.0.1", port: port)
            .flatMapThrowing { back in
                let isFrozen = state.withLock { state in
                    state.accepted += 1
                    for channel in [front, back] { state.channels[ObjectIdentifier(channel)] = channel }
                    return state.isFrozen
                }
                try front.pipeline.syncOperations.addHandler(Forwarder(to: back))
                try back.pipeline.syncOperations.addHandler(Forwarder(to: front))
                if isFrozen { stopReading([front, back]) }
                for channel in [front, back] {
                    channel.closeFuture.whenComplete { _ in
                        state.withLock { state in
                            state.channels[ObjectIdentifier(channel)] = nil
                        }
                    }
                }
            }
    }

    private static func stopReading(_ channels: [any Channel]) {
        for channel in channels { channel.setOption(.autoRead, value: false).whenComplete { _ in } }
    }

    /// How many connections have come.
    var accepted: Int { state.withLock { $0.accepted } }
    /// How many are open now.
    var open: Int { state.withLock { $0.channels.count / 2 } }

    /// Closes all connections, in the middle of whatever they carry.
    func cut() {
        for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
    }

    /// Connections of now stay open, and nothing comes through any more.
    func freeze() {
        Self.stopReading(state.withLock { Array($0.channels.values) })
    }

    /// Whether those who come are sent away.
    func refuse(_ refuses: Bool) {
        state.withLock { state in state.refuses = refuses }
    }

    private func close() async throws {
        try await listener.close()
        cut()
    }
}

/// Writes what comes from one side to the other.
private final class Forwarder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) {
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
#endif
