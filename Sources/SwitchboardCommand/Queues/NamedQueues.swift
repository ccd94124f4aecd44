#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// What AMQP alone tells: of the topics and servers that are named.
    struct NamedQueues {
        let audit: QueueAudit
        let inspection: BrokerInspection
        let host: BrokerInspection.Host

        func look(_ findings: inout DoctorFindings) async {
            let unseen = "AMQP lists no queues; the management API does (--management-url, --management-port)"
            findings.add([.skipped("list", because: unseen)])
            for topic in audit.topics {
                do throws(InspectionFailure) {
                    try await look(at: topic, &findings)
                } catch {
                    findings.add(
                        .failed(
                            "topic", of: topic.name, error.reason,
                            .init(
                                "The broker ended the connection over a question that it should answer.",
                                do: "Its log says why.")), isObstacle: false)
                }
            }
            findings.add(
                [QueueAudit.Step.leftovers, .orphaned, .replicas].map { .skipped($0.rawValue, because: unseen) })
        }

        private func look(at topic: Topic, _ findings: inout DoctorFindings) async throws(InspectionFailure) {
            let look = try await inspection.logIn(to: host)
            let result = await Result { () async throws(InspectionFailure) -> [InspectedObject] in
                var objects = try await look.objects(of: topic, server: nil)
                for server in audit.servers {
                    for object in try await look.objects(of: topic, server: server)
                    where !objects.contains(where: { $0.name == object.name && $0.kind == object.kind }) {
                        objects.append(object)
                    }
                }
                return objects
            }
            await look.close()
            let objects = try result.get()
            let checks = TopicChecks(
                doctor: Doctor(target: .init(topic: topic), timeout: audit.timeout), topic: topic,
                virtualHost: host.virtualHost, topology: inspection.topology,
                takesOtherDurability: (look.broker.release ?? (0, 0)) >= (4, 3), objects: objects)
            await checks.look(nil, &findings)
            try await grow(objects, &findings)
        }

        /// How fast those grow that nobody takes from.
        private func grow(
            _ objects: [InspectedObject], _ findings: inout DoctorFindings
        ) async throws(InspectionFailure) {
            guard audit.growth > .zero else { return }
            let idle = objects.filter { $0.kind == .queue && $0.consumers == 0 }.map(\.name)
            let counts = try await IdleQueues(audit: audit, inspection: inspection, host: host)
                .counted(idle) { _ in true }
            for name in idle {
                guard let count = counts[name], let growth = count.growth else { continue }
                findings.add(
                    .measured(
                        "growth", of: name, "\((growth * 10).rounded() / 10) messages a second, \(count.ready) now",
                        [
                            CheckMeasurement(
                                "growth", .messagesPerSecond, growth, audit.thresholds.growth,
                                help: "How fast a queue without a consumer grows")
                        ],
                        otherwise: .init(
                            "Messages come, and nobody takes them.",
                            do: "Start the program that should take them, or stop the one that sends them.")),
                    isObstacle: false)
            }
        }
    }
#endif
