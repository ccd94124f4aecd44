import Glibc
import Logging
import SwitchboardCore
import SwitchboardSpool

/// Another process at a spool, for the tests: it does one thing, says on its output what is done, and dies where it is
/// told to.
///
///     SpoolPeer publish|send|accept|requeue|discard|hold|answer|call URL [count=N] [size=N] [kill=N] [fail=N:ERRNO] [short=N]
///     SpoolPeer matrix DIRECTORY [kill] [EIO] [ENOSPC] [short]
///     SpoolPeer bench DIRECTORY
@main
struct SpoolPeer {
    static let topic = Address.topic(Topic("work"))

    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            say("usage: SpoolPeer VERB URL-OR-DIRECTORY [option=value …]")
            exit(2)
        }
        do {
            switch arguments[1] {
            case "matrix":
                let faults = arguments.count > 3 ? Array(arguments[3...]) : FaultMatrix.allFaults
                exit(try await FaultMatrix(arguments[0], in: arguments[2], faults: faults).run() ? 0 : 1)
            case "bench": try await SpoolBench(executable: arguments[0], directory: arguments[2]).run()
            default: try await Peer(arguments).run()
            }
        } catch {
            say("error \(error)")
            exit(1)
        }
    }

    /// A line on the output at once, also when the process is killed right after.
    static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(1, bytes, bytes.count)
    }
}

private struct Peer {
    let verb: String
    let url: TransportURL
    var options: [String: String] = [:]

    init(_ arguments: [String]) throws {
        verb = arguments[1]
        url = try TransportURL(arguments[2])
        for argument in arguments.dropFirst(3) {
            let parts = argument.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { options[String(parts[0])] = String(parts[1]) }
        }
    }

    private var count: Int { options["count"].flatMap { Int($0) } ?? 3 }

    func run() async throws {
        // A peer that hangs ends, and its signal says so.
        alarm(options["seconds"].flatMap { UInt32($0) } ?? 20)
        let faults = FaultInjection()
        let driver = SpoolDriver(
            configuration: try SpoolConfiguration(url), operations: faults,
            logger: Logger(label: "peer") { _ in SwiftLogNoOpLogHandler() })
        let running = Task {
            do {
                try await driver.run()
            } catch {
                SpoolPeer.say("error \(error)")
                exit(1)
            }
        }
        for await state in driver.monitor.states() {
            if case .ready = state { break }
            if case .closed = state { break }
        }
        if let fault = options["fail"]?.split(separator: ":").compactMap({ Int($0) }), fault.count == 2 {
            faults.arm(at: fault[0], .fail(CInt(fault[1])))
        } else if let at = options["short"].flatMap({ Int($0) }) {
            faults.arm(at: at, .shortWrite)
        } else {
            faults.arm(at: options["kill"].flatMap { Int($0) }, .kill)
        }
        SpoolPeer.say("ready")
        do {
            try await act(driver)
        } catch {
            SpoolPeer.say("error \(error)")
        }
        SpoolPeer.say("calls \(faults.calls.count)")
        running.cancel()
        await running.value
        SpoolPeer.say("end")
    }

    private func act(_ driver: SpoolDriver) async throws {
        switch verb {
        case "publish": try await publish(driver)
        case "send": try await send(driver)
        case "call": try await call(driver)
        case "answer": try await answer(driver)
        default: try await consume(driver)
        }
    }

    private func publish(_ driver: SpoolDriver) async throws {
        let padding = String(repeating: ".", count: options["size"].flatMap { Int($0) } ?? 0)
        for number in 0..<count {
            let name = "\(options["prefix"] ?? "m")\(number)"
            do throws(TransportError) {
                try await driver.publish(
                    Message(body: Array("\(name) \(padding)".utf8)), to: SpoolPeer.topic,
                    options: PublishOptions(deadline: .now + .seconds(10)))
                SpoolPeer.say("accepted \(name)")
            } catch {
                SpoolPeer.say("refused \(name) \(error.code)")
            }
        }
    }

    /// Publishes the given bodies.
    private func send(_ driver: SpoolDriver) async throws {
        for body in (options["bodies"] ?? "").split(separator: ",") {
            try await driver.publish(
                Message(body: Array(body.utf8)), to: address, options: PublishOptions(deadline: .now + .seconds(10)))
        }
    }

    /// The topic of the tests, or the one that was given as a queue's name.
    private var address: Address {
        guard let name = options["to"].flatMap({ QueueName(encoded: $0) }), name.kind == .topic else {
            return SpoolPeer.topic
        }
        return .topic(Topic(name.parts[1], exchange: name.parts[0]))
    }

    private func consume(_ driver: SpoolDriver) async throws {
        let prefetch = options["prefetch"].flatMap { Int($0) } ?? 1
        try await driver.withSubscription(
            to: address, options: SubscriptionOptions(prefetch: prefetch)
        ) { deliveries in
            var seen = 0
            for try await delivery in deliveries {
                let text = String(decoding: delivery.message.body, as: UTF8.self)
                let name = text.prefix { $0 != " " }
                SpoolPeer.say("got \(name) \(delivery.attempt ?? 0)")
                do throws(TransportError) {
                    switch verb {
                    case "discard" where name == "stop": try await delivery.accept()
                    case "requeue" where !delivery.isRedelivered && name != "stop": try await delivery.requeue()
                    case "accept", "requeue":
                        // From here on the message may be gone, whether or not we live to say so.
                        SpoolPeer.say("accepting \(name)")
                        try await delivery.accept()
                    case "discard": try await delivery.discard(reason: "a test")
                    default: continue
                    }
                } catch {
                    SpoolPeer.say("unsettled \(name) \(error.code)")
                    continue
                }
                if verb == "requeue" && !delivery.isRedelivered && name != "stop" {
                    SpoolPeer.say("requeued \(name)")
                    continue
                }
                SpoolPeer.say("settled \(name)")
                seen += 1
                if seen == count || name == "stop" { return }
            }
        }
    }

    /// Answers every message of the topic into the mailbox that its body names.
    private func answer(_ driver: SpoolDriver) async throws {
        try await driver.withSubscription(to: SpoolPeer.topic, options: SubscriptionOptions()) { deliveries in
            SpoolPeer.say("subscribed")
            var seen = 0
            for try await delivery in deliveries {
                let mailbox = String(decoding: delivery.message.body, as: UTF8.self)
                try await delivery.accept()
                try await driver.publish(
                    Message(body: delivery.message.body), to: .mailbox(Mailbox(named: mailbox)),
                    options: PublishOptions(deadline: .now + .seconds(10), mandatory: true))
                seen += 1
                if seen == count { return }
            }
        }
    }

    /// Calls the peer that answers, one call after another, and says how long they took.
    private func call(_ driver: SpoolDriver) async throws {
        let name = "reply_\(getpid())"
        try await driver.withSubscription(
            to: .mailbox(Mailbox(named: name)), options: SubscriptionOptions()
        ) { deliveries in
            var iterator = deliveries.makeAsyncIterator()
            var times: [Duration] = []
            for _ in 0..<count {
                let start = ContinuousClock.now
                try await driver.publish(
                    Message(body: Array(name.utf8)), to: SpoolPeer.topic,
                    options: PublishOptions(deadline: .now + .seconds(10), mandatory: true))
                guard let delivery = try await iterator.next() else { return }
                times.append(.now - start)
                try await delivery.accept()
            }
            times.sort()
            SpoolPeer.say("p50 \(times[times.count / 2]) p99 \(times[times.count * 99 / 100])")
        }
    }
}
