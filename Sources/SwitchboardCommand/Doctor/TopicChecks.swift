#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// The exchanges and queues of a topic, who consumes them, and what waits in them.
    struct TopicChecks {
        let doctor: Doctor
        let topic: Topic
        let virtualHost: String
        let topology: RabbitMQTopology
        /// Whether this program takes what exists with another durability, as it does where a broker refuses transient queues.
        let takesOtherDurability: Bool
        let objects: [InspectedObject]

        private var queues: [InspectedObject] { objects.filter { $0.kind == .queue } }

        /// The server's own queue, or the topic's.
        private var asked: InspectedObject? { queues.last }

        /// Why a call would be in vain; `nil` when somebody consumes the queue that it would go to.
        var unservedReason: String? {
            guard let consumers = asked?.consumers else { return "queue failed" }
            return consumers > 0 ? nil : "consumers failed"
        }

        func look(_ management: ManagementAPI?, _ findings: inout DoctorFindings) async {
            for object in objects where object.kind == .exchange {
                findings.add(exchange(object), isObstacle: false)
            }
            for queue in queues { findings.add(self.queue(queue), isObstacle: false) }
            for queue in queues { findings.add(await consumers(of: queue, management), isObstacle: false) }
            for queue in queues { findings.add(await backlog(of: queue, management), isObstacle: false) }
        }

        // MARK: What is there

        private func exchange(_ object: InspectedObject) -> CheckResult {
            guard case .missing = object.state else { return compared(object, "exchange") }
            if object.isTransient {
                return .ok("exchange", of: object.name, "not there: no server of the topic listens to fanouts now")
            }
            let isHere = queues.contains { $0.state != .missing }
            return .failed(
                "exchange", of: object.name, "it is not there",
                .init(
                    isHere
                        ? "Requests go through this exchange, and the topic's queue is there without it: it was deleted, or the "
                            + "services use another one."
                        : "No service has ever used this exchange in this virtual host.",
                    do:
                        "Compare --exchange with the services' control_exchange (Nova's is nova), and the virtual host with theirs; "
                        + "then restart the services, which declare it."))
        }

        private func queue(_ object: InspectedObject) -> CheckResult {
            guard case .missing = object.state else { return compared(object, "queue") }
            return .failed(
                "queue", of: object.name, "it is not there",
                .init(
                    "A server makes its queue when it starts; requests to this one are returned at once, as nobody takes them.",
                    do:
                        "Start the service, or look at its log if it runs. Compare the topic, the server's name (Nova's is the host's) "
                        + "and the virtual host with its."))
        }

        /// Against what the options would declare.
        private func compared(_ object: InspectedObject, _ step: String) -> CheckResult {
            switch object.state {
            case .missing, .fitting:
                let counts = object.ready.map { ready in
                    ", \(ready) waiting, \(object.consumers ?? 0) \(object.consumers == 1 ? "consumer" : "consumers")"
                }
                return .ok(step, of: object.name, "as the options declare it\(counts ?? "")")
            case .locked(let text):
                return .failed(
                    step, of: object.name, text,
                    .init(
                        "The queue is exclusive: another connection owns it, and nobody else may use it.",
                        do:
                            "Find what declared it ('rabbitmqctl list_queues name owner_pid'); no service of OpenStack does so."
                    ))
            case .refused(let text):
                return .failed(
                    step, of: object.name, text,
                    .init("The broker refuses what every program of the topic declares.", do: "Its log says more."))
            case .conflict(let argument, let options, let text):
                return conflict(object, step, argument, options, text)
            }
        }

        private func conflict(
            _ object: InspectedObject, _ step: String, _ argument: String, _ options: String?, _ text: String
        ) -> CheckResult {
            let what = "exists with another \(argument): \(text)"
            if argument == "durable", !object.isDurable, takesOtherDurability {
                return .warning(
                    step, of: object.name, what,
                    .init(
                        "Switchboard takes it as it is on this broker; oslo.messaging's programs with these options get 406.",
                        do: "Give every program the same \(options ?? "options")."))
            }
            if object.kind == .exchange, argument == "durable", object.isDurable {
                let quorum = topology.quorumQueues || topology.transientQuorumQueues
                return .failed(
                    step, of: object.name, "a leftover that isn't durable: \(text)",
                    .init(
                        "It was declared before the options made it durable\(quorum ? " (quorum queues need that)" : ""). "
                            + "oslo.messaging falls back to a queue that isn't durable then\(quorum ? ", and gets 406" : "").",
                        do:
                            "Stop the services of the virtual host, delete the exchange, and start them again with the same "
                            + "\(options ?? "options")."))
            }
            let advice =
                options.map { "Give all programs the same \($0), or delete what exists while nobody uses it." }
                ?? "Delete it while nobody uses it, or use another name: no option decides this."
            return .failed(
                step, of: object.name, what,
                .init("A program with these options is refused (406), and can neither serve nor call.", do: advice))
        }

        // MARK: Who is there

        private func consumers(of object: InspectedObject, _ management: ManagementAPI?) async -> CheckResult {
            guard let consumers = object.consumers else {
                return .skipped("consumers", of: object.name, because: "queue failed")
            }
            let measured = [
                CheckMeasurement("consumers", .consumers, Double(consumers), help: "How many consumers a queue has")
            ]
            if consumers == 0 {
                return .failed(
                    "consumers", of: object.name, "nobody takes from it",
                    .init(
                        "The server has stopped, or it lost its consumer and doesn't know: it is deaf until it is restarted. Requests "
                            + "pile up, and callers time out.",
                        do: "See whether the service runs; restart it if it does."), measured)
            }
            let isServers = doctor.target.server.map { object.name == "\(topic.name).\($0)" } ?? false
            if isServers, consumers > doctor.target.workers {
                return .warning(
                    "consumers", of: object.name,
                    "\(consumers) take from it where \(doctor.target.workers) \(doctor.target.workers == 1 ? "is" : "are") expected",
                    .init(
                        "Several processes have this server's name, and each gets a part of its requests: two machines with one "
                            + "hostname, or a service that was started twice.",
                        do:
                            "Find them with 'rabbitmqctl list_consumers'. If they are workers of one service, say so with --workers."
                    ),
                    measured)
            }
            let text = "\(consumers) \(consumers == 1 ? "takes" : "take") from it"
            guard let management else { return .ok("consumers", of: object.name, text, measured) }
            do throws(ManagementError) {
                let queue = try await management.queue(object.name, in: virtualHost)
                guard let held = queue?.unacknowledged, held > 0, queue?.isAcknowledging == false else {
                    return .ok("consumers", of: object.name, text, measured)
                }
                return .warning(
                    "consumers", of: object.name, "\(text), hold \(held) messages and acknowledge none",
                    .init(
                        "They took messages and don't say that they are done: their processes hang or are very slow.",
                        do: "Look at their logs. A restart gives the messages back."), measured)
            } catch {
                return .ok(
                    "consumers", of: object.name, "\(text) (the management API says no more: \(error.reason))", measured
                )
            }
        }

        // MARK: What waits

        private func backlog(of object: InspectedObject, _ management: ManagementAPI?) async -> CheckResult {
            guard let ready = object.ready else {
                return .skipped("backlog", of: object.name, because: "queue failed")
            }
            var measurements = [
                CheckMeasurement(
                    "backlog", .messages, Double(ready), doctor.thresholds.backlog,
                    help: "How many messages wait in a queue")
            ]
            var age = "its age is unknown: without taking messages only the management API tells it (--management-url)"
            if ready == 0 {
                age = ""
            } else if let management {
                do throws(ManagementError) {
                    if let head = try await management.queue(object.name, in: virtualHost)?.headTimestamp {
                        let seconds = max(0, doctor.now() - head)
                        age = "the oldest is \(Int(seconds)) s old"
                        measurements.append(
                            CheckMeasurement(
                                "backlog_age", .seconds, seconds, doctor.thresholds.backlogAge,
                                help: "How old the message at a queue's head is"))
                    } else {
                        age = "its age is unknown: the message at its head has no timestamp (oslo.messaging sends none)"
                    }
                } catch {
                    age = "its age is unknown: \(error.reason)"
                }
            }
            let text = ["\(ready) waiting", age].filter { !$0.isEmpty }.joined(separator: "; ")
            return .measured(
                "backlog", of: object.name, text, measurements,
                otherwise: .init(
                    "Requests come faster than they are handled: callers give up before their request is read.",
                    do:
                        "See that the servers run and aren't stuck, and start more of them. Requests that nobody waits for any more "
                        + "expire by themselves."))
        }
    }
#endif
