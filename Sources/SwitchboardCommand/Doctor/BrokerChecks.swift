#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// The broker itself: its version, its alarms, and what the user may do.
    struct BrokerChecks {
        let doctor: Doctor
        let inspection: BrokerInspection
        let host: BrokerInspection.Host
        let management: ManagementAPI?

        func look(_ findings: inout DoctorFindings) async {
            do throws(InspectionFailure) {
                let look = try await inspection.logIn(to: host)
                let alarm = await Result { () async throws(InspectionFailure) in try await look.alarm() }
                await look.close()
                findings.add(version(look.broker))
                // Switchboard declares what such a broker takes, so the rest can be looked at.
                findings.add(await features(look.broker), isObstacle: false)
                let reason = try alarm.get()
                findings.add(alarmResult(reason))
                findings.add(try await permissions(publishes: reason == nil))
            } catch {
                findings.add(
                    .failed(
                        "alarms", error.reason,
                        .init("The broker ends connections or doesn't answer on them.", do: "Its log says why.")))
            }
        }

        private func version(_ broker: BrokerIdentity) -> CheckResult {
            guard let release = broker.release else {
                return .warning(
                    "version", broker.name,
                    .init(
                        "It isn't RabbitMQ as far as it says, and nothing else is tested.",
                        do: "Use RabbitMQ 3.10 to 4.3."))
            }
            if release < (3, 10) {
                return .warning(
                    "version", broker.name,
                    .init("Versions before 3.10 get no security fixes and are not tested.", do: "Upgrade the broker."))
            }
            return .ok("version", broker.name)
        }

        /// What the broker will not do any more, or not much longer.
        private func features(_ broker: BrokerIdentity) async -> CheckResult {
            let topology = inspection.topology
            let declaresTransient =
                !(topology.durableQueues || topology.quorumQueues)
                || !(topology.transientQuorumQueues || topology.durableTransientQueues || topology.streamFanout)
            if let release = broker.release, release >= (4, 3), declaresTransient {
                if let refusal = await transientRefusal() { return refusal }
            }
            if let release = broker.release, release < (3, 13) {
                return .skipped("features", because: "RabbitMQ tells of deprecated features since 3.13")
            }
            guard let management else {
                return .skipped(
                    "features", because: "only the management API names deprecated features in use (--management-url)")
            }
            do throws(ManagementError) {
                guard let answer = try await management.get("/api/deprecated-features/used"),
                    case .array(let used) = answer
                else { return .skipped("features", because: "this broker doesn't tell of deprecated features") }
                let names = used.compactMap { $0["name"]?.string }
                if names.isEmpty { return .ok("features", "no deprecated feature is in use") }
                return .warning(
                    "features", "deprecated features in use: \(names.joined(separator: ", "))",
                    .init(
                        "A later RabbitMQ refuses them, and may not start while they are in use.",
                        do: "Move away before the upgrade; 'rabbitmqctl list_deprecated_features' says more."))
            } catch {
                return .skipped("features", because: error.reason)
            }
        }

        private func transientRefusal() async -> CheckResult? {
            do throws(InspectionFailure) {
                let look = try await inspection.logIn(to: host)
                let takes = await Result { () async throws(InspectionFailure) in try await look.takesTransientQueues() }
                await look.close()
                if try takes.get() { return nil }
                return .failed(
                    "features", "the broker refuses transient queues that aren't exclusive (transient_nonexcl_queues)",
                    .init(
                        "These options declare such queues. oslo.messaging's programs hang over it, without a reason in their logs.",
                        do:
                            "Give every program amqp_durable_queues=true or rabbit_quorum_queue=true, and oslo.messaging's "
                            + "rabbit_transient_quorum_queue=true (or Switchboard's rabbit_transient_queues_durable=true)."
                    ))
            } catch {
                return nil
            }
        }

        private func alarmResult(_ reason: String?) -> CheckResult {
            guard let reason else { return .ok("alarms", "the broker takes messages") }
            return .failed(
                "alarms", "the broker takes no messages: \(reason)",
                .init(
                    "Memory or disk of a node is low, so every publisher waits: calls time out all over the bus.",
                    do:
                        "'rabbitmq-diagnostics alarms' names the node. Free memory or disk, or find the queue that grows."
                ))
        }

        private func permissions(publishes: Bool) async throws(InspectionFailure) -> CheckResult {
            let look = try await inspection.logIn(to: host)
            let (topic, server) = (doctor.target.topic, doctor.target.server)
            let missing = await Result { () async throws(InspectionFailure) in
                try await look.missingPermissions(topic: topic, server: server, publishes: publishes)
            }
            await look.close()
            let permissions = try missing.get()
            guard let first = permissions.first else {
                let scope = topic.map { "for callers and servers of \($0.name)" } ?? "for callers"
                return .ok("permissions", "\(look.username) has what it takes \(scope)")
            }
            let list = permissions.map { "\($0.kind.rawValue) on \($0.resource)" }.joined(separator: ", ")
            let patterns = await patterns(of: look.username)
            return .failed(
                "permissions", "\(look.username) lacks \(list)\(patterns)",
                .init(
                    "\(first.purpose.capitalizedFirst): without the permission they get 403 (ACCESS_REFUSED).",
                    do:
                        "Set patterns that match these names: rabbitmqctl set_permissions -p \(host.virtualHost) \(look.username) "
                        + "CONFIGURE WRITE READ. Names of reply queues begin with reply_; replies go through amq.default."
                ))
        }

        /// What is allowed now, which only the management API tells.
        private func patterns(of username: String) async -> String {
            guard let management,
                let answer = try? await management.get(
                    "/api/permissions/\(ManagementAPI.escaped(host.virtualHost))/\(ManagementAPI.escaped(username))")
            else { return "" }
            let texts = ["configure", "write", "read"].compactMap { kind in
                answer[kind]?.string.map { "\(kind) \"\($0)\"" }
            }
            return texts.isEmpty ? "" : "; allowed is \(texts.joined(separator: ", "))"
        }

        func lookAtClock(_ findings: inout DoctorFindings) async {
            guard let management else {
                return findings.skip(
                    [.clock], because: "AMQP tells no time; the management API does (--management-url)")
            }
            do throws(ManagementError) {
                let skew = try await management.clockSkew(now: doctor.now)
                findings.add(
                    .measured(
                        "clock",
                        skew == 0
                            ? "the broker's clock agrees with this machine's, to a second"
                            : "the broker's clock is \(Int(skew.rounded(.up))) s from this machine's",
                        [
                            CheckMeasurement(
                                "clock_skew", .seconds, skew, doctor.thresholds.clockSkew,
                                help: "How far the broker's clock is from this machine's")
                        ],
                        otherwise: .init(
                            "Times in logs can't be compared, tokens seem expired, and certificates not valid yet.",
                            do: "See that both machines keep their time by NTP ('timedatectl').")), isObstacle: false)
            } catch {
                findings.skip([.clock], because: error.reason)
            }
        }
    }

    extension String {
        fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
    }
#endif
