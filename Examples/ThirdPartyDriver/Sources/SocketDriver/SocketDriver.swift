public import SwitchboardCore

/// Moves messages over a Unix socket, by a ``SocketHub`` that holds the queues.
///
/// It connects and reconnects, sends what it is told to, and passes on what it gets. What a queue does is the hub's
/// affair, and what messages mean is Switchboard's.
public final class SocketDriver: TransportDriver {
    public let monitor = TransportMonitor()

    public let capabilities: DriverCapabilities = [
        .interprocess, .redelivery, .ordered, .detectsUnroutable, .expires, .reconnects, .ephemeralFanouts,
        .countsAttempts,
    ]

    private static let pauses: [Duration] = [
        .milliseconds(5), .milliseconds(20), .milliseconds(100), .milliseconds(500),
    ]

    private let path: SocketPath
    private let line = SocketLine()

    /// Throws `invalidURL` or `invalidOption`; connects to nothing.
    public init(_ url: TransportURL) throws(TransportError) {
        guard url.hosts.allSatisfy({ $0 == TransportURL.Host(name: "") }) else {
            throw TransportError(
                .invalidURL, "\(url.scheme):// takes a path and no host: \(url.scheme):///run/hub.sock.")
        }
        try URLOptions(url).finish()
        path = try SocketPath("/" + (url.virtualHost ?? ""))
    }

    // MARK: The connection

    public func run() async throws {
        guard line.begin() else {
            throw TransportError(.closed, "run() of a socket transport is called once; make another transport.")
        }
        var attempt = 0
        var reason: String?
        while !Task.isCancelled {
            monitor.report(.connecting(attempt: attempt + 1, reason: reason))
            do {
                let session = SocketSession(try path.connect())
                attempt = 0
                await line.serve(session) { monitor.report(.ready) }
                reason = "the hub at \(path) closed the connection"
            } catch {
                reason = error.message
            }
            // A hub that has just gone may be back at once; later there is no hurry.
            try? await Task.sleep(for: Self.pauses[min(attempt, Self.pauses.count - 1)])
            attempt += 1
        }
        line.end(closed)
        monitor.report(.closed(reason: nil))
    }

    private var closed: TransportError {
        TransportError(.closed, "The transport to \(path) was closed: its run() has ended.")
    }

    /// The session that is up, or the next one.
    private func session(
        until deadline: ContinuousClock.Instant?, for what: String
    ) async throws(TransportError) -> SocketSession {
        switch await line.session(until: deadline) {
        case .up(let session): return session
        case .over: throw closed
        case .tooLate where Task.isCancelled:
            throw TransportError(.cancelled, "The task was cancelled before \(what) had a connection.")
        case .tooLate:
            throw TransportError(
                .unavailable, "\(what) had no connection to \(path) until its deadline: it is \(monitor.state).")
        }
    }

    // MARK: Publishing

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        // Whether an earlier connection may have carried it: then no error says that nobody has it.
        var wasSent = false
        while true {
            let session: SocketSession
            do throws(TransportError) {
                session = try await self.session(until: options.deadline, for: "A message to \(address)")
            } catch {
                // That this side was shut down promises nothing.
                throw wasSent && error.code != .closed ? lost(address, error) : error
            }
            let left = ContinuousClock.now.duration(to: options.deadline)
            let answer = await session.request(until: options.deadline) { id in
                .publish(
                    id, address, message, mandatory: options.mandatory,
                    milliseconds: max(1, left.wholeMilliseconds))
            }
            switch answer {
            case .done: return
            case .failed(let error): throw wasSent ? lost(address, error) : error
            case .lost where options.allowsDuplicates: wasSent = true
            case .lost: throw lost(address)
            case .tooLate:
                throw TransportError(
                    .indeterminate,
                    "A message to \(address) was sent, and the hub at \(path) did not confirm it "
                        + (Task.isCancelled ? "before the task was cancelled." : "until its deadline."))
            }
        }
    }

    private func lost(_ address: Address, _ later: TransportError? = nil) -> TransportError {
        TransportError(
            .indeterminate,
            "A message to \(address) was sent, and the connection to \(path) was lost"
                + (later.map { "; sending it again failed: \($0.message)" } ?? "."),
            cause: later)
    }

    // MARK: Subscribing

    public func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        let subscription = SocketSubscription(address, prefetch: options.prefetch)
        // Restored with every connection from now on, until it is forgotten.
        line.add(subscription)
        do {
            try await makeLive(subscription, options.deadline)
            let result = try await body(subscription.deliveries)
            await line.remove(subscription)
            return result
        } catch {
            await line.remove(subscription)
            throw error
        }
    }

    private func makeLive(
        _ subscription: SocketSubscription, _ deadline: ContinuousClock.Instant?
    ) async throws(TransportError) {
        while true {
            let session = try await session(until: deadline, for: "A subscription to \(subscription.address)")
            switch await session.subscribe(subscription, until: deadline) {
            case .done: return
            case .failed(let error): throw error
            case .lost: continue
            case .tooLate:
                throw TransportError(
                    Task.isCancelled ? .cancelled : .unavailable,
                    "The hub at \(path) did not confirm the subscription to \(subscription.address) in time.")
            }
        }
    }
}
