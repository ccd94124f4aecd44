/// What a connection tells its ``Transport``.
public enum ConnectionSignal: Sendable {
    /// Messages that are published from now on arrive at the subscription.
    case live(Subscription)
    /// The subscription doesn't get messages for now, and the connection repairs it by itself; `live` follows, or
    /// `failed`. Publishers don't wait for it.
    case repairing(Subscription, reason: String)
    /// The subscription is impossible, or is lost for good.
    case failed(Subscription, TransportError)
    /// The subscription has ended, and what was unsettled has gone back. The answer to
    /// ``DriverConnection/unsubscribe(_:)``.
    case ended(Subscription)
    /// The peer takes no messages for now, or takes them again (`nil`).
    case blocked(reason: String?)
    /// The peer takes no messages any more: publishes fail with the error, until the connection is lost.
    case broken(TransportError)
    /// How much may be under way at a time from now on: handed over and not finished. Unlimited at first; 0 lets nothing
    /// through.
    case window(messages: Int, bytes: Int)
    /// The connection is over; the last signal. What it has not finished was lost.
    case lost(ConnectionFailure)
    /// What stood against connecting may be mended: the next attempt needn't wait. Allowed at any time.
    case tryAgain
}

/// Takes the signals of one connection. `Transport` ignores those of a connection that is over.
///
/// A connection must not hold a lock that its own methods take while it sends a signal. A decorator passes the
/// connection below signals of its own, which look at each signal and send it on:
///
///     let below = ConnectionSignals { signal in
///         if case .blocked = signal { return }
///         signals.send(signal)
///     }
public struct ConnectionSignals: Sendable {
    private let receive: @Sendable (ConnectionSignal) -> Void

    public init(_ receive: @escaping @Sendable (ConnectionSignal) -> Void) {
        self.receive = receive
    }

    public func send(_ signal: ConnectionSignal) {
        receive(signal)
    }

    /// The connection is over, for a reason that may pass. For people: `the hub closed the connection`.
    public func lost(_ reason: String) {
        receive(.lost(ConnectionFailure(reason)))
    }
}

/// Why there is no connection, or no more, and when to try again.
public struct ConnectionFailure: Error, Sendable {
    /// When `Transport` tries again.
    public enum Retry: Hashable, Sendable {
        /// After a pause that grows while attempts fail.
        case afterPause
        /// At once. For drivers with several hosts, of which the next one has its turn.
        case atOnce
        /// The peer refused it. The transport ends with the error, unless one of its connections has been ready before:
        /// then somebody may mend it, and attempts follow after pauses that double from half a second to half a minute.
        case unlessFirst
        /// The peer refused it, and it may pass: attempts follow after the same long pauses, even if none was ready.
        case afterLongPause
        /// Never: the transport ends with the error.
        case never
    }

    /// Part of a sentence, for people: `localhost:5672: the broker closed the socket`. Never holds a secret.
    public var reason: String
    public var retry: Retry
    /// What the transport ends with, if it ends over this.
    public var error: TransportError

    /// A failure that may pass.
    public init(_ reason: String, retry: Retry = .afterPause) {
        self.init(TransportError(.unavailable, "There is no connection: \(reason)."), reason: reason, retry: retry)
    }

    /// A failure that ends the transport, or may.
    ///
    /// `reason` is part of a sentence; if left out, it is what the error says.
    public init(_ error: TransportError, reason: String? = nil, retry: Retry) {
        self.error = error
        self.retry = retry
        self.reason = reason.map(Secret.masked(in:)) ?? error.message
    }
}
