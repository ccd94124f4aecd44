import SwitchboardCore
import SwitchboardMessaging

/// The last steps, which go through the library as every program does: a message to oneself, and a call.
struct ServingChecks {
    let doctor: Doctor
    let url: TransportURL

    /// - Parameter unservedBecause: why a call would be in vain, where that is known.
    func roundTripAndPing(_ findings: inout DoctorFindings, unservedBecause: String? = nil) async {
        let connection: MessageQueueConnection
        do {
            connection = try MessageQueueConnection(
                url.leavingNothing, drivers: .all, name: "the queue", logger: Doctor.silent)
        } catch {
            findings.add(.failed("round-trip", error.message, Self.noRoundTrip))
            return findings.skip([.ping], because: "round-trip failed")
        }
        do {
            let results = try await withRunning(connection) { await look(through: connection, unservedBecause) }
            findings.add(results)
        } catch {
            findings.add(.failed("round-trip", "\(error)", Self.noRoundTrip))
            findings.skip([.ping], because: "round-trip failed")
        }
    }

    private func look(through connection: MessageQueueConnection, _ unserved: String?) async -> [CheckResult] {
        let roundTrip = await roundTrip(through: connection)
        if roundTrip.status == .failed, roundTrip.measurements.isEmpty {
            return [roundTrip, .skipped("ping", because: "round-trip failed")]
        }
        guard let topic = doctor.target.topic else {
            return [roundTrip, .skipped("ping", because: "no --topic was given whose servers could be asked")]
        }
        if url.scheme == "fake" || url.scheme == "inprocess" {
            return [roundTrip, .skipped("ping", because: "an in-process queue reaches no other program")]
        }
        if let unserved { return [roundTrip, .skipped("ping", because: unserved)] }
        return [roundTrip, await ping(topic, through: connection)]
    }

    private func roundTrip(through connection: MessageQueueConnection) async -> CheckResult {
        do {
            // The first opens the connection and its reply queue, which is not what is measured.
            _ = try await connection.roundTrip(timeout: doctor.timeout)
            let time = try await connection.roundTrip(timeout: doctor.timeout)
            return .measured(
                "round-trip", "a message came back in \(time.text)",
                [
                    CheckMeasurement(
                        "round_trip", .seconds, time / .seconds(1), doctor.thresholds.roundTrip,
                        help: "How long a message takes through the queue and back")
                ],
                otherwise: .init(
                    "The queue is slow: calls take at least as long as this.",
                    do: "Look at the broker's load and its disk, and at the network on the way to it."))
        } catch {
            return .failed("round-trip", Self.text(error), Self.noRoundTrip)
        }
    }

    private func ping(_ topic: Topic, through connection: MessageQueueConnection) async -> CheckResult {
        var probe = Probe()
        probe.topic = topic.name
        probe.exchange = topic.exchange
        probe.server = doctor.target.server
        probe.givenTimeout = TimeSpan(doctor.timeout)
        let who = doctor.target.server.map { "server \($0)" } ?? "a server of \(topic.name)"
        do {
            let answer = try await probe.run(on: connection)
            let remark =
                answer.hasPing
                ? "answered in \(answer.time.text)"
                : "answers in \(answer.time.text) that it has no ping (its rpc_ping_enabled is off): it is alive"
            return .measured(
                "ping", "\(who) \(remark)",
                [
                    CheckMeasurement(
                        "ping", .seconds, answer.time / .seconds(1), doctor.thresholds.roundTrip,
                        help: "How long a server takes to answer a call")
                ],
                otherwise: .init(
                    "The server is slow to answer, so calls take long or time out.",
                    do: "Look at its load: a busy server answers when one of its workers is free."))
        } catch let error as RPCError where error.code == .timeout {
            return .failed(
                "ping",
                "\(who) took the request and did not answer within \(Int(probe.timeout.milliseconds.rounded())) ms",
                .init(
                    "It is deaf: its queue has a consumer, and nothing comes back. It hangs, all of its workers are busy, or it "
                        + "lost its connection for replies, as when its reply queue has expired.",
                    do: "Look at its log for errors and blocked threads; restart it if it doesn't recover."))
        } catch let error as RPCError where error.code == .unroutable {
            return .failed(
                "ping", "no server listens: \(error.message)",
                .init(
                    "Requests to it are returned at once.",
                    do: "Start the service, and compare --topic and --exchange with its."))
        } catch {
            return .failed(
                "ping", Self.text(error),
                .init(
                    "A call could not be made although the queue works.",
                    do: "What the line says is what a caller is told."))
        }
    }

    private static func text(_ error: any Error) -> String {
        (error as? RPCError)?.message ?? "\(error)"
    }

    private static let noRoundTrip = CheckResult.Diagnosis(
        "A message to oneself didn't come back, so no call can be answered.",
        do: "What the line says is what every program is told; the steps above say how far the way is open.")
}
