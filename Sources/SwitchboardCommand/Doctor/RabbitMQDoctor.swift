#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// Looks at a queue of RabbitMQ: its hosts, the broker, and what is there for a topic.
    struct RabbitMQDoctor {
        let doctor: Doctor
        let url: TransportURL

        func look(_ findings: inout DoctorFindings) async {
            let inspection: BrokerInspection
            do throws(TransportError) {
                inspection = try BrokerInspection(
                    url, besides: CommandSettings.current.rabbitMQ.announced, timeout: doctor.timeout,
                    logger: Doctor.silent)
            } catch {
                findings.add(
                    .failed("url", error.message, .init("Programs refuse this URL.", do: "Mend what the line names.")))
                return
            }
            let host = await lookAtHosts(inspection, &findings)
            guard let host else {
                let rest = DoctorStep.allCases.drop { $0 != .version }
                return findings.skip(Array(rest), because: "\(findings.obstacle ?? "login") failed")
            }
            let management = doctor.management.map { ManagementAPI($0, of: url, timeout: doctor.timeout) }
            let broker = BrokerChecks(doctor: doctor, inspection: inspection, host: host, management: management)
            await broker.look(&findings)
            let objects = await lookAtTopic(inspection, host, management, &findings)
            if let obstacle = findings.obstacle {
                findings.skip([.roundTrip, .ping], because: "\(obstacle) failed")
            } else {
                await ServingChecks(doctor: doctor, url: url).roundTripAndPing(
                    &findings, unservedBecause: objects?.unservedReason)
            }
            await broker.lookAtClock(&findings)
        }

        /// Returns the first host whose virtual host is open.
        private func lookAtHosts(
            _ inspection: BrokerInspection, _ findings: inout DoctorFindings
        ) async -> BrokerInspection.Host? {
            var outcomes: [(host: BrokerInspection.Host, results: [CheckResult], isOpen: Bool)] = []
            for host in inspection.hosts {
                let checks = HostChecks(
                    doctor: doctor, inspection: inspection, host: host, isOneOfSeveral: inspection.hosts.count > 1)
                let (results, isOpen) = await checks.look()
                outcomes.append((host, results, isOpen))
            }
            let open = outcomes.first(where: \.isOpen)?.host
            for outcome in outcomes {
                // Programs go on to the next host.
                findings.add(open == nil ? outcome.results : outcome.results.map { $0.tolerated() })
            }
            if open == nil, let failed = outcomes.lazy.flatMap(\.results).first(where: { $0.status == .failed }) {
                findings.stop(because: failed.step)
            }
            return open
        }

        private func lookAtTopic(
            _ inspection: BrokerInspection, _ host: BrokerInspection.Host, _ management: ManagementAPI?,
            _ findings: inout DoctorFindings
        ) async -> TopicChecks? {
            guard let topic = doctor.target.topic else {
                findings.skip(DoctorStep.ofTopic, because: "no --topic was given")
                return nil
            }
            do throws(InspectionFailure) {
                let look = try await inspection.logIn(to: host)
                let result = await Result { () async throws(InspectionFailure) in
                    try await look.objects(of: topic, server: doctor.target.server)
                }
                await look.close()
                let checks = TopicChecks(
                    doctor: doctor, topic: topic, virtualHost: host.virtualHost, topology: inspection.topology,
                    takesOtherDurability: (look.broker.release ?? (0, 0)) >= (4, 3), objects: try result.get())
                await checks.look(management, &findings)
                return checks
            } catch {
                findings.add(
                    .failed(
                        "exchange", error.reason,
                        .init(
                            "The broker ended the connection over a question that it should answer.",
                            do: "Its log says why.")))
                findings.skip([.queue, .consumers, .backlog], because: "exchange failed")
                return nil
            }
        }
    }

    extension Result where Failure == InspectionFailure {
        init(_ body: () async throws(InspectionFailure) -> Success) async {
            do throws(InspectionFailure) { self = .success(try await body()) } catch { self = .failure(error) }
        }
    }
#endif
