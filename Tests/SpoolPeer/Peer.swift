import Glibc
import Logging
import SwitchboardCore
import SwitchboardSpool

/// One process at a spool.
struct Peer {
    let verb: String
    let url: TransportURL
    private let options: [String: String]
    private let faults: FaultInjection

    init(_ arguments: [String]) throws {
        verb = arguments[1]
        url = try TransportURL(arguments[2])
        var options: [String: String] = [:]
        for argument in arguments.dropFirst(3) {
            let parts = argument.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { options[String(parts[0])] = String(parts[1]) }
        }
        self.options = options
        let prefix = options["as"].map { "\($0) " } ?? ""
        faults = FaultInjection { SpoolPeer.say("\(prefix)fault \($0)") }
    }

    private var count: Int { number("count") ?? 3 }

    private func number(_ option: String) -> Int? { options[option].flatMap { Int($0) } }

    private func say(_ line: String) {
        SpoolPeer.say((options["as"].map { "\($0) " } ?? "") + line)
    }

    private var quiet: Logger { Logger(label: "peer") { _ in SwiftLogNoOpLogHandler() } }

    func run() async throws {
        // A peer that hangs ends, and its signal says so.
        alarm(UInt32(number("seconds") ?? 30))
        do {
            switch verb {
            case "open":
                arm()
                try await withTransport { transport in
                    try await transport.withSubscription(to: SpoolPeer.topic, options: SubscriptionOptions(prefetch: 1))
                    {
                        _ in
                    }
                }
            case "forward":
                arm()
                try await forward()
            case "retry":
                arm()
                try retry()
            default:
                try await withTransport { transport in
                    arm()
                    say("ready")
                    do {
                        try await act(transport)
                    } catch {
                        say("error \(error)")
                    }
                    if options["vanish"] != nil { kill(getpid(), SIGKILL) }
                }
            }
        } catch {
            say("error \(error)")
        }
        say("end")
    }

    private func arm() {
        let only = options["only"]
        if let fault = options["fail"]?.split(separator: ":").compactMap({ Int($0) }), fault.count == 2 {
            faults.arm(at: fault[0], .fail(CInt(fault[1])), only: only)
        } else if let at = number("short") {
            faults.arm(at: at, .shortWrite, only: "write")
        } else {
            faults.arm(at: number("kill"), .kill, only: only)
        }
    }

    private func makeTransport(_ url: TransportURL) throws -> Transport {
        Transport(
            driver: SpoolDriver(configuration: try SpoolConfiguration(url), operations: faults, logger: quiet),
            url: url,
            logger: quiet)
    }

    private func withTransport(_ body: (Transport) async throws -> Void) async throws {
        let transport = try makeTransport(url)
        let running = Task { try await transport.run() }
        do {
            let isOpen = Task {
                for await state in transport.states() where state == .ready { return true }
                return false
            }
            let ending = Task {
                _ = await running.result
                isOpen.cancel()
            }
            if await isOpen.value {
                try await body(transport)
            }
            running.cancel()
            _ = await ending.value
            try await running.value
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
    }

    // MARK: Deeds

    private func act(_ transport: Transport) async throws {
        switch verb {
        case "publish": try await publish(transport)
        case "send": try await send(transport)
        default: try await consume(transport)
        }
    }

    private func publish(_ transport: Transport) async throws {
        let padding = String(repeating: ".", count: number("size") ?? 0)
        for number in 0..<count {
            let name = "\(options["prefix"] ?? "m")\(number)"
            do throws(TransportError) {
                try await transport.publish(
                    Message(body: Array("\(name) \(padding)".utf8)), to: SpoolPeer.topic,
                    deadline: .now + .seconds(10))
                say("accepted \(name)")
            } catch {
                say("refused \(name) \(error.code)")
            }
        }
    }

    /// Publishes the given bodies.
    private func send(_ transport: Transport) async throws {
        for body in (options["bodies"] ?? "").split(separator: ",") {
            try await transport.publish(
                Message(body: Array(body.utf8)), to: address, deadline: .now + .seconds(10))
        }
    }

    /// The topic of the tests, or the one that was given as a queue's name.
    private var address: Address {
        guard let name = options["to"].flatMap({ QueueName(encoded: $0) }), name.kind == .topic else {
            return SpoolPeer.topic
        }
        return .topic(Topic(name.parts[1], exchange: name.parts[0]))
    }

    private func consume(_ transport: Transport) async throws {
        let options = SubscriptionOptions(prefetch: number("prefetch") ?? 1)
        try await transport.withSubscription(to: address, options: options) { deliveries in
            var seen = 0
            for try await delivery in deliveries {
                let name = String(decoding: delivery.message.body, as: UTF8.self).prefix { $0 != " " }
                say("got \(name) \(delivery.attempt ?? 0)")
                let isSettled: Bool
                do throws(TransportError) {
                    isSettled = try await settle(delivery, String(name))
                } catch {
                    say("unsettled \(name) \(error.code)")
                    continue
                }
                if isSettled { say("settled \(name)") }
                seen += 1
                if verb == "hold" {
                    // With all that it was to take it dies.
                    if seen == number("count") { kill(getpid(), SIGKILL) }
                    continue
                }
                if !isSettled { seen -= 1 }
                if seen == count || name == "stop" { return }
            }
        }
    }

    /// Whether the message is done with. Before each step that gives it up it says so: from there on it may be gone, or
    /// with somebody else, whether or not we live to tell.
    private func settle(_ delivery: Delivery, _ name: String) async throws(TransportError) -> Bool {
        switch verb {
        case "hold": return false
        case "requeue" where !delivery.isRedelivered && name != "stop":
            say("releasing \(name)")
            try await delivery.requeue()
            say("requeued \(name)")
            return false
        case "discard" where name != "stop":
            say("discarding \(name)")
            try await delivery.discard(reason: "a test")
            return true
        default:
            say("accepting \(name)")
            try await delivery.accept()
            return true
        }
    }

    /// Forwards to the spool of the option `to`, with faults on both sides.
    private func forward() async throws {
        let target = try TransportURL(options["to"] ?? "")
        let destination = try makeTransport(target)
        let running = Task { try await destination.run() }
        do {
            let forwarder = SpoolForwarder(from: try SpoolConfiguration(url), operations: faults, logger: quiet)
            try await forwarder.run(to: destination, timeout: .seconds(10))
            running.cancel()
            try await running.value
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
    }

    /// Puts all dead messages back.
    private func retry() throws {
        let inspector = try SpoolInspector(SpoolConfiguration(url), operations: faults, logger: quiet)
        defer { inspector.close() }
        for letter in try inspector.deadLetters() {
            let name = String(decoding: letter.message?.body ?? [], as: UTF8.self).prefix { $0 != " " }
            do {
                try inspector.retry(letter.name)
                say("retried \(name)")
            } catch {
                say("unsettled \(name) \(error)")
            }
        }
    }
}
