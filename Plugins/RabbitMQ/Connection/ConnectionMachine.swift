#if RabbitMQ
import SwitchboardCore

/// What a client says at login.
struct Login: Sendable {
    var method: RabbitMQConfiguration.LoginMethod
    var username: String
    var password: Secret
    var virtualHost: String
    var properties: FieldTable
    /// Seconds; 0 for none.
    var heartbeat: UInt16

    /// The SASL response (RFC 4616 for PLAIN; AMQPLAIN is a field table without its length).
    fileprivate var response: [UInt8] {
        switch method {
        case .plain:
            return [0] + Array(username.utf8) + [0] + Array(password.reveal().utf8)
        case .amqplain:
            return field("LOGIN", username) + field("PASSWORD", password.reveal())
        case .external:
            return []
        }
    }

    private func field(_ name: String, _ text: String) -> [UInt8] {
        let length = UInt32(text.utf8.count)
        return [UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(ascii: "S")]
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) } + Array(text.utf8)
    }
}

/// What both sides agreed on.
struct Tuning: Hashable, Sendable {
    var channelMax: UInt16
    var frameMax: UInt32
    var heartbeat: UInt16
}

/// The life of one connection, from the protocol header to its end. No I/O: methods of channel 0 and events in, actions
/// out. A machine is for one connection and ends in `closed`; the next connection gets a new one.
///
///     created ──connected──▶ awaitingStart ──start──▶ awaitingTune ──tune──▶ awaitingOpenOK ──open-ok──▶ open
///                                 │                       │                      │                       │ close()
///                                 └──── close, violation, loss ──────────────────┴───────▶ closed ◀── closing
struct ConnectionMachine: Sendable {
    enum State: Hashable, Sendable {
        case created, awaitingStart, awaitingTune, awaitingOpenOK, open, closing, closed
    }

    enum Action: Hashable, Sendable {
        case writeProtocolHeader
        case send(OutgoingMethod)
        /// The agreed limits hold from here on.
        case tune(Tuning)
        /// Logged in; channels can be opened.
        case opened
        case blocked(reason: String)
        case unblocked
        /// The broker has taken the new password over.
        case secretUpdated
        /// The connection is over: close the socket after what is to be sent.
        case lost(ConnectionLoss)
    }

    private(set) var state = State.created
    private(set) var login: Login
    /// The password that the broker is asked to take over.
    private var newPassword: Secret?
    /// `nil` before it has said so, and when it is not RabbitMQ.
    private(set) var brokerVersion: BrokerVersion?
    /// What the broker says of itself; `nil` before it has.
    private(set) var broker: BrokerIdentity?
    /// Whether the broker has taken the credentials: it goes on to the limits of the connection then.
    private(set) var isAuthenticated = false
    private var mechanism: String { login.method.rawValue }

    /// RabbitMQ's default, for a broker that names no limit.
    private static let defaultFrameMax: UInt32 = 131_072
    /// The broker's own size is taken up to this. A header comes in one frame, so a smaller one than the broker's would shut
    /// out messages that it has taken.
    private static let largestFrameMax: UInt32 = 1024 * 1024
    /// AMQP's `frame-min-size`.
    private static let smallestFrameMax: UInt32 = 4096

    init(_ login: Login) {
        self.login = login
    }

    var isLoggingIn: Bool {
        switch state {
        case .created, .awaitingStart, .awaitingTune, .awaitingOpenOK: true
        case .open, .closing, .closed: false
        }
    }

    /// The socket is connected (and encrypted).
    mutating func connected() -> [Action] {
        guard state == .created else { return [] }
        state = .awaitingStart
        return [.writeProtocolHeader]
    }

    /// A method of channel 0.
    mutating func received(_ method: IncomingMethod) throws(ProtocolViolation) -> [Action] {
        switch (state, method) {
        case (.closed, _):
            return []
        case (_, .close(let closure)):
            let loss = ConnectionLoss(closure, duringLogin: isLoggingIn)
            state = .closed
            return [.send(.closeOK), .lost(loss)]
        case (.closing, .closeOK):
            state = .closed
            return [.lost(ConnectionLoss("the connection was closed"))]
        case (.closing, _):
            return []
        case (.awaitingStart, .start(let mechanisms, let product, let version)):
            brokerVersion = BrokerVersion(product: product, version: version)
            let offered = mechanisms.split(separator: " ").map(String.init)
            broker = BrokerIdentity(product: product, version: version, mechanisms: offered)
            guard offered.contains(mechanism) else {
                state = .closed
                let loss = ConnectionLoss(
                    "\(product ?? "the broker") has no login method \(mechanism), only \(mechanisms); "
                        + "choose one by rabbit_login_method", isRefusal: true)
                return [.lost(loss)]
            }
            state = .awaitingTune
            return [
                .send(.startOK(properties: login.properties, mechanism: mechanism, response: login.response))
            ]
        case (.awaitingTune, .secure):
            throw ProtocolViolation("the broker asks for a second step of the login, which \(mechanism) has not")
        case (.awaitingTune, .tune(let channelMax, let frameMax, let heartbeat)):
            isAuthenticated = true
            let tuning = try agree(channelMax, frameMax, heartbeat)
            state = .awaitingOpenOK
            return [
                .send(
                    .tuneOK(channelMax: tuning.channelMax, frameMax: tuning.frameMax, heartbeat: tuning.heartbeat)),
                .tune(tuning), .send(.open(virtualHost: login.virtualHost)),
            ]
        case (.awaitingOpenOK, .openOK):
            state = .open
            return [.opened]
        case (.open, .blocked(let reason)):
            return [.blocked(reason: reason)]
        case (.open, .unblocked):
            return [.unblocked]
        case (.open, .updateSecretOK):
            guard let newPassword else {
                throw ProtocolViolation("the broker took over a password that it was not given")
            }
            login.password = newPassword
            self.newPassword = nil
            return [.secretUpdated]
        default:
            throw ProtocolViolation("the broker sent a method out of turn (\(method) while \(state))")
        }
    }

    /// Whether the broker of an open connection can be told a new password of the same user.
    var canUpdateSecret: Bool {
        guard let brokerVersion else { return false }
        return state == .open && brokerVersion.knowsUpdateSecret && newPassword == nil && login.method != .external
    }

    /// Gives the broker a new password; only while ``canUpdateSecret``.
    mutating func updateSecret(_ password: Secret) -> [Action] {
        guard canUpdateSecret else { return [] }
        newPassword = password
        return [.send(.updateSecret(Array(password.reveal().utf8), reason: "renewed"))]
    }

    /// We want to end it. With an open connection the broker is told; else it is over at once.
    mutating func close() -> [Action] {
        switch state {
        case .open:
            state = .closing
            return [.send(.close(code: 200, text: "Goodbye"))]
        case .closing, .closed:
            return []
        case .created, .awaitingStart, .awaitingTune, .awaitingOpenOK:
            state = .closed
            return [.lost(ConnectionLoss("the connection was closed during the login"))]
        }
    }

    /// The socket is gone, or the peer is given up. `nil` when the loss was reported before.
    mutating func ended(_ reason: String) -> ConnectionLoss? {
        defer { state = .closed }
        switch state {
        case .closed: return nil
        case .closing: return ConnectionLoss("the connection was closed")
        case .awaitingTune:
            // Brokers that do not know authentication_failure_close hang up on wrong credentials.
            return ConnectionLoss("\(reason) (after the user name and password were sent: are they right?)")
        default: return ConnectionLoss(reason)
        }
    }

    private func agree(
        _ channelMax: UInt16, _ frameMax: UInt32, _ heartbeat: UInt16
    ) throws(ProtocolViolation) -> Tuning {
        let frameMax = frameMax == 0 ? Self.defaultFrameMax : min(frameMax, Self.largestFrameMax)
        guard frameMax >= Self.smallestFrameMax else {
            throw ProtocolViolation("the broker wants frames of at most \(frameMax) bytes, less than AMQP allows")
        }
        return Tuning(
            channelMax: channelMax == 0 ? 2047 : channelMax,
            frameMax: frameMax,
            heartbeat: login.heartbeat == 0 || heartbeat == 0 ? login.heartbeat : min(login.heartbeat, heartbeat))
    }
}
#endif
