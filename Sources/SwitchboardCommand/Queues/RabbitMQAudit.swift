#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// An audit of a virtual host of RabbitMQ.
    struct RabbitMQAudit {
        let audit: QueueAudit
        let url: TransportURL

        func look(_ findings: inout DoctorFindings) async {
            let inspection: BrokerInspection
            do throws(TransportError) {
                inspection = try BrokerInspection(
                    url.with(CommandSettings.current.rabbitMQ.announced), timeout: audit.timeout, logger: Doctor.silent)
            } catch {
                return stop(
                    at: .failed(
                        "url", error.message, .init("Programs refuse this URL.", do: "Mend what the line names.")),
                    &findings)
            }
            findings.add(.ok("url", "\(url)"))
            let open: OpenHost
            do throws(InspectionFailure) {
                open = try await OpenHost.first(of: inspection)
            } catch {
                return stop(
                    at: .failed(
                        "login", error.reason,
                        .init(
                            "Nothing can be looked at without a connection.",
                            do: "'switchboard doctor' finds out why, step by step.")), &findings)
            }
            let (host, broker) = (open.host, open.broker)
            findings.add(.ok("login", "\(open.username) at \(host.address), \(host.virtualHost): \(broker.name)"))
            guard
                let address = audit.management.address(ofBrokerAt: host.name, usesTLS: inspection.usesTLS)
            else { return await NamedQueues(audit: audit, inspection: inspection, host: host).look(&findings) }
            let listing: BusListing
            do throws(ManagementError) {
                listing = try await BusListing.of(
                    host.virtualHost, ManagementAPI(address, of: url, timeout: audit.timeout),
                    notificationTopics: audit.notificationTopics)
            } catch {
                return stop(
                    at: .failed(
                        "list", error.reason,
                        .init(
                            "The audit sees no queues, so it can say nothing of them.",
                            do:
                                "See that the broker's plugin rabbitmq_management is enabled, that the port is right, and that the user has "
                                + "the tag management or monitoring ('rabbitmqctl set_user_tags').")), &findings)
            }
            findings.add(Self.summary(listing))
            let takesOtherDurability = (broker.release ?? (0, 0)) >= (4, 3)
            findings.add(
                DeclarationChecks(
                    audit: audit, topology: inspection.topology, takesOtherDurability: takesOtherDurability,
                    listing: listing
                ).results)
            await count(listing, inspection, host, &findings)
            findings.add(ReplicaCheck(audit: audit, listing: listing).result)
        }

        private func stop(at result: CheckResult, _ findings: inout DoctorFindings) {
            findings.add(result)
            let steps = QueueAudit.Step.allCases.drop { $0.rawValue != result.step }.dropFirst()
            findings.add(steps.map { .skipped($0.rawValue, because: "\(result.step) failed") })
        }

        private static func summary(_ listing: BusListing) -> CheckResult {
            let words: [(ListedQueue.Role, String)] = [
                (.requests, "of requests"), (.notifications, "of notifications"), (.fanout, "of fanouts"),
                (.fanoutStream, "fanout streams"), (.replies, "of replies"), (.foreign, "of other programs"),
            ]
            let parts = words.compactMap { role, word in
                let number = listing.queues(role).count
                return number > 0 ? "\(number) \(word)" : nil
            }
            let total = QueueAudit.count(listing.queues.count, "queue")
            return .ok("list", parts.isEmpty ? total : "\(total): \(parts.joined(separator: ", "))")
        }

        // MARK: Who is there

        private func count(
            _ listing: BusListing, _ inspection: BrokerInspection, _ host: BrokerInspection.Host,
            _ findings: inout DoctorFindings
        ) async {
            let idle = IdleQueues(audit: audit, inspection: inspection, host: host)
            do throws(InspectionFailure) {
                let counts = try await idle.counted(listing)
                let checks = IdleChecks(audit: audit, listing: listing, counts: counts)
                findings.add(checks.results)
            } catch {
                let steps: [QueueAudit.Step] = [.unserved, .leftovers, .orphaned]
                findings.add(
                    .failed(
                        "notifications", error.reason,
                        .init(
                            "The broker ended the connection over a question that it should answer.",
                            do: "Its log says why.")),
                    isObstacle: false)
                findings.add(steps.map { .skipped($0.rawValue, because: "notifications failed") })
            }
        }
    }

    extension TransportURL {
        /// With the options of configuration files that this URL doesn't have itself.
        func with(_ others: [Option]) -> TransportURL {
            var url = self
            let own = Set(url.options.filter { !$0.value.isEmpty }.map(\.name))
            url.options += others.filter { !own.contains($0.name) && !($0.name == "ssl" && scheme == "amqps") }
            return url
        }
    }
#endif
