#if RabbitMQ
import NIOCore
import SwitchboardCore

/// One connection to a broker, from connecting to closed: bytes in, bytes out, login, heartbeats.
///
/// Not Sendable: it lives in its ``BrokerConnection``, on the channel's event loop, as the C state in its decoder must.
final class AMQPConnection: FrameReceiver {
    /// Nothing more is encoded above this many unsent bytes of our own; NIO holds as much again.
    private static let outputLimit = 1024 * 1024
    /// A broker that reads nothing, and has this many bytes of methods to read, is given up.
    private static let unreadLimit = 8 * 1024 * 1024
    /// An output buffer that grew beyond this is given back when it is empty.
    private static let keptCapacity = 64 * 1024

    private let client: any ConnectionClient
    private let decoder = FrameDecoder()
    private var machine: ConnectionMachine
    // The properties on the path of each message are marked `exclusivity(unchecked)`: one thread touches them, and no access
    // lasts while another function of this class runs. The check at run time costs more than most of the accesses.
    @exclusivity(unchecked) private var channel: (any Channel)?
    @exclusivity(unchecked) private var output = ByteBuffer()
    @exclusivity(unchecked) private var isWriting = false
    /// The bytes of methods since the broker was last seen to read.
    @exclusivity(unchecked) private var unread = 0

    @exclusivity(unchecked) private(set) var tuning = Tuning(channelMax: 0, frameMax: 4096, heartbeat: 0)
    @exclusivity(unchecked) private(set) var heartbeat = Heartbeat(interval: 0)
    @exclusivity(unchecked) private(set) var isOpen = false
    /// Why it is over, once it is.
    @exclusivity(unchecked) private(set) var loss: ConnectionLoss?
    @exclusivity(unchecked) private(set) var blockedReason: String?
    /// How often the broker has taken a new password over.
    private(set) var secretUpdates = 0
    /// Counts the writes: what was encoded at the present count has not left yet.
    @exclusivity(unchecked) private(set) var flushes: UInt64 = 0

    init(_ login: Login, client: any ConnectionClient) {
        self.machine = ConnectionMachine(login)
        self.client = client
        if client.readsRoutes { decoder.readRoutes() }
    }

    // MARK: Events

    func connected(_ channel: any Channel) {
        self.channel = channel
        perform(machine.connected())
    }

    func received(_ buffer: ByteBuffer) {
        guard loss == nil else { return }
        heartbeat.read()
        do throws(ProtocolViolation) {
            try decoder.decode(buffer, into: self)
        } catch {
            end("the protocol was violated: \(error)")
        }
    }

    /// A third of the heartbeat interval has passed.
    func ticked() {
        switch heartbeat.ticked() {
        case .send: output.writeHeartbeat()
        case .dead:
            end("the broker was silent for two heartbeat intervals (\(Int(tuning.heartbeat) * 2) s)")
        }
    }

    /// Who is logged in.
    var login: Login { machine.login }

    var brokerVersion: BrokerVersion? { machine.brokerVersion }

    /// What the broker says of itself; `nil` before it has.
    var broker: BrokerIdentity? { machine.broker }

    /// Whether the broker has taken the credentials.
    var isAuthenticated: Bool { machine.isAuthenticated }

    var canUpdateSecret: Bool { machine.canUpdateSecret }

    /// Gives the broker a new password of the same user.
    func updateSecret(_ password: Secret) {
        perform(machine.updateSecret(password))
    }

    /// Says goodbye to the broker, or ends at once where there is nobody to say it to.
    func close() {
        perform(machine.close())
    }

    /// The socket is gone, or this side gives up.
    func end(_ reason: String) {
        guard let loss = machine.ended(reason) else { return }
        output.clear()
        end(loss)
    }

    // MARK: Output

    /// Whether a client should encode more now. False while the broker or the network does not keep up.
    var canWrite: Bool {
        output.readableBytes < Self.outputLimit && (channel?.isWritable ?? false)
    }

    var hasOutput: Bool { output.readableBytes > 0 && channel != nil }

    /// Answers to what a broker sends have no other bound than that it reads them.
    func send(_ method: OutgoingMethod, channel: UInt16) throws(TransportError) {
        let before = output.readableBytes
        try encode { buffer throws(TransportError) in try buffer.write(method, channel: channel) }
        if self.channel?.isWritable ?? true, before == 0 { unread = 0 }
        unread += output.readableBytes - before
        if unread > Self.unreadLimit { end("the broker does not read what it is sent") }
    }

    /// Appends frames, all or none: a frame without its rest would garble all that follows.
    func encode(_ body: (inout ByteBuffer) throws(TransportError) -> Void) throws(TransportError) {
        let mark = output.writerIndex
        do {
            try body(&output)
        } catch {
            output.moveWriterIndex(to: mark)
            throw error
        }
    }

    /// Writes what has gathered, in one write. Called once per turn of the loop.
    ///
    /// `writeAndFlush` calls back into `channelWritabilityChanged` before it returns, and so may come back to here, or
    /// have the client encode more. So what is written leaves `output` before, and what is encoded meanwhile stays there
    /// for the next flush; `isWriting` keeps the recursion from growing.
    func flush() {
        guard !isWriting, output.readableBytes > 0, let channel else { return }
        var bytes = ByteBuffer()
        swap(&bytes, &output)
        isWriting = true
        flushes += 1
        channel.writeAndFlush(bytes, promise: nil)
        isWriting = false
        // The memory is used again, unless it grew large or the channel still holds it.
        if output.capacity == 0, bytes.capacity <= Self.keptCapacity {
            bytes.clear()
            output = bytes
        }
    }

    /// Pauses or resumes reading from the socket.
    func setReading(_ isReading: Bool) {
        do {
            try channel?.syncOptions?.setOption(.autoRead, value: isReading)
        } catch {
            // The socket is closed; `channelInactive` reports that.
        }
    }

    /// Closes the socket after what is still to be sent. The promise is fulfilled when it is closed.
    func closeSocket() -> EventLoopFuture<Void>? {
        flush()
        guard let channel else { return nil }
        channel.close(promise: nil)
        return channel.closeFuture
    }

    // MARK: Frames

    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {
        if channel == 0 {
            perform(try machine.received(method))
        } else if try isForClient(channel) {
            try client.received(method, channel: channel)
        }
    }

    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {
        if try isForClient(channel) { try client.received(header, channel: channel) }
    }

    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {
        if try isForClient(channel) { try client.received(body, channel: channel) }
    }

    /// No channel is open before the connection is; what comes after its end concerns no one.
    private func isForClient(_ channel: UInt16) throws(ProtocolViolation) -> Bool {
        guard loss == nil else { return false }
        guard isOpen else {
            throw ProtocolViolation("the broker sent a frame on channel \(channel) before the connection was open")
        }
        return true
    }

    private func perform(_ actions: [ConnectionMachine.Action]) {
        // Of a connection that is over nothing goes out any more but its goodbye: what has not left yet counts as never
        // sent, and is sent by the next one.
        if actions.contains(where: { if case .lost = $0 { true } else { false } }) { output.clear() }
        for action in actions {
            switch action {
            case .writeProtocolHeader: output.writeProtocolHeader()
            case .send(let method):
                do {
                    try send(method, channel: 0)
                } catch {
                    end(error.message)
                    return
                }
            case .tune(let agreed):
                tuning = agreed
                heartbeat = Heartbeat(interval: agreed.heartbeat)
                decoder.tune(channelMax: agreed.channelMax, frameMax: agreed.frameMax)
            case .opened:
                isOpen = true
                client.opened(self)
            case .blocked(let reason):
                blockedReason = reason
                client.blocked(reason)
            case .unblocked:
                blockedReason = nil
                client.blocked(nil)
            case .secretUpdated: secretUpdates += 1
            case .lost(let loss): end(loss)
            }
        }
    }

    private func end(_ loss: ConnectionLoss) {
        guard self.loss == nil else { return }
        self.loss = loss
        if isOpen { client.closed(loss) }
        isOpen = false
    }
}
#endif
