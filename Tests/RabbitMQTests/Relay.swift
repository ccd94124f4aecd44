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
        /// The connection to the broker whose client has begun to consume, and how often.
        var consuming: (channel: any Channel, count: Int)?
        /// How many queues its client has declared, or asked about, by the number of the AMQP channel.
        var declared: [UInt16: Int] = [:]
        var isFrozen = false
        var refuses = false
        /// Of the broker's methods, those that are lost, and how many of each.
        var lost: [Method: Int] = [:]
        var accepted = 0
    }

    /// A method's class and number.
    struct Method: Hashable, Sendable {
        var classID: UInt16
        var id: UInt16
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
                try front.pipeline.syncOperations.addHandler(
                    Forwarder(to: back) { bytes in
                        let count = Self.channels(of: Method(classID: 60, id: 20), in: bytes).count
                        let declared = Self.channels(of: Method(classID: 50, id: 10), in: bytes)
                        state.withLock { state in
                            if count > 0 { state.consuming = (back, (state.consuming?.count ?? 0) + count) }
                            for channel in declared { state.declared[channel, default: 0] += 1 }
                        }
                        return bytes
                    })
                try back.pipeline.syncOperations.addHandler(
                    Forwarder(to: front) { [frames = FrameFilter(state)] in frames.filter($0) })
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
    ///
    /// Returns when that holds.
    func freeze() {
        for channel in state.withLock({ Array($0.channels.values) }) {
            try? channel.setOption(.autoRead, value: false).wait()
        }
    }

    /// Whether connections that come from now on are frozen from their beginning.
    func freezeComing(_ isFrozen: Bool) {
        state.withLock { $0.isFrozen = isFrozen }
    }

    /// The broker's next methods of this kind do not arrive; all else does.
    func lose(_ count: Int, of method: Method) {
        state.withLock { $0.lost[method] = count }
    }

    /// How many of them are still to be lost.
    func left(of method: Method) -> Int {
        state.withLock { $0.lost[method] ?? 0 }
    }

    /// Sends the broker a frame in the name of the client that consumes, which must be sending nothing itself.
    func inject(_ frame: ByteBuffer) async throws {
        guard let channel = state.withLock({ $0.consuming?.channel }) else {
            throw TransportError(.internalError, "Nobody consumes through the relay.")
        }
        try await channel.writeAndFlush(frame)
    }

    /// How often clients have begun to consume.
    var consumers: Int { state.withLock { $0.consuming?.count ?? 0 } }

    /// How many queues clients have declared, or asked about, on AMQP channels of a number.
    func declarations(onChannel number: UInt16) -> Int { state.withLock { $0.declared[number] ?? 0 } }

    /// The AMQP channels on which a method is among these frames, one for each time.
    private static func channels(of method: Method, in bytes: ByteBuffer) -> [UInt16] {
        var bytes = bytes
        var channels: [UInt16] = []
        while let kind = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self), kind == 1,
            let channel = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt16.self),
            let size = bytes.getInteger(at: bytes.readerIndex + 3, as: UInt32.self)
        {
            let start = bytes.readerIndex + 7
            if bytes.getInteger(at: start, as: UInt16.self) == method.classID,
                bytes.getInteger(at: start + 2, as: UInt16.self) == method.id
            {
                channels.append(channel)
            }
            guard bytes.readSlice(length: Int(size) + 8) != nil else { break }
        }
        return channels
    }

    /// Whether those who come are sent away.
    func refuse(_ refuses: Bool) {
        state.withLock { state in state.refuses = refuses }
    }

    /// Returns when all are sent away that came before, as ``refuse(_:)`` wants it.
    func hasRefusedAll() async {
        // Connections are accepted in the order in which they came.
        await withCheckedContinuation { continuation in
            ClientBootstrap(group: Self.group).connect(host: "127.0.0.1", port: port).flatMap { $0.closeFuture }
                .whenComplete { _ in continuation.resume() }
        }
    }

    private func close() async throws {
        try await listener.close()
        cut()
    }
}

extension Relay {
    /// Takes the methods that are to be lost out of what the broker sends.
    private final class FrameFilter {
        private let state: Locked<State>
        private var unfinished = ByteBuffer()

        init(_ state: Locked<State>) {
            self.state = state
        }

        func filter(_ bytes: ByteBuffer) -> ByteBuffer {
            var bytes = bytes
            unfinished.writeBuffer(&bytes)
            var passed = ByteBuffer()
            // Type, channel, size, payload, end.
            while let size = unfinished.getInteger(at: unfinished.readerIndex + 3, as: UInt32.self),
                var frame = unfinished.readSlice(length: Int(size) + 8)
            {
                if !isLost(frame) { passed.writeBuffer(&frame) }
            }
            return passed
        }

        private func isLost(_ frame: ByteBuffer) -> Bool {
            let start = frame.readerIndex
            guard frame.getInteger(at: start, as: UInt8.self) == 1,
                let classID = frame.getInteger(at: start + 7, as: UInt16.self),
                let id = frame.getInteger(at: start + 9, as: UInt16.self)
            else { return false }
            let method = Method(classID: classID, id: id)
            return state.withLock { state in
                guard let count = state.lost[method], count > 0 else { return false }
                state.lost[method] = count - 1
                return true
            }
        }
    }
}

/// Writes what comes from one side to the other.
private final class Forwarder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let filter: (ByteBuffer) -> ByteBuffer

    init(to other: any Channel, _ filter: @escaping (ByteBuffer) -> ByteBuffer) {
        self.other = other
        self.filter = filter
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(filter(unwrapInboundIn(data)), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
#endif
