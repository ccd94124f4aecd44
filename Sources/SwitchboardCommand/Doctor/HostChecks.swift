#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// The way to one host of a URL, up to the open virtual host.
    struct HostChecks {
        let doctor: Doctor
        let inspection: BrokerInspection
        let host: BrokerInspection.Host
        let isOneOfSeveral: Bool

        private static let steps: [DoctorStep] = [.resolve, .tcp, .tls, .login, .virtualHost]

        private var object: String? { isOneOfSeveral ? host.address : nil }

        func look() async -> (results: [CheckResult], isOpen: Bool) {
            var results: [CheckResult] = []
            for step in Self.steps {
                let result =
                    switch step {
                    case .resolve: await resolve()
                    case .tcp: await connect()
                    case .tls: await beginTLS()
                    default: CheckResult?.none
                    }
                if let result {
                    results.append(result)
                    if result.status != .failed { continue }
                } else if step == .login {
                    let (login, isOpen) = await logIn()
                    return (results + login, isOpen)
                }
                let rest = Self.steps.drop { $0 != step }.dropFirst()
                results += rest.map { .skipped($0.rawValue, of: object, because: "\(step.rawValue) failed") }
                break
            }
            return (results, false)
        }

        private func failed(_ step: DoctorStep, _ detail: String, _ meaning: String, do advice: String) -> CheckResult {
            .failed(step.rawValue, of: object, detail, .init(meaning, do: advice))
        }

        private func resolve() async -> CheckResult {
            do throws(InspectionFailure) {
                let addresses = try await inspection.resolve(host)
                let isAddress = addresses == [host.name]
                return .ok(
                    "resolve", of: object,
                    isAddress ? "\(host.name) is an address" : "\(host.name) is \(addresses.joined(separator: ", "))")
            } catch {
                return failed(
                    .resolve, error.reason, "This machine doesn't know the broker's name, so nothing can connect.",
                    do: "Correct the host in the URL, or look at /etc/resolv.conf, /etc/hosts and the name server.")
            }
        }

        private func connect() async -> CheckResult {
            do throws(InspectionFailure) {
                let time = try await inspection.connect(to: host)
                return .ok("tcp", of: object, "\(host.address) took the connection in \(time.text)")
            } catch {
                return failed(
                    .tcp, "\(host.address): \(error.reason)",
                    "No broker listens at this address, or a firewall is in between.",
                    do:
                        "See that the broker runs and listens there ('rabbitmq-diagnostics listeners'), and that the port is open: "
                        + "5672 without TLS, 5671 with it.")
            }
        }

        private func beginTLS() async -> CheckResult {
            guard inspection.usesTLS else {
                return .skipped("tls", of: object, because: "the URL asks for none (amqps://, or ssl=true)")
            }
            do throws(InspectionFailure) {
                let now = doctor.now()
                let tls = try await inspection.inspectTLS(of: host, now: Int(now))
                return tls.refusal.map { refused($0, tls) } ?? accepted(tls, now)
            } catch {
                switch await inspection.language(of: host) {
                case .amqp:
                    return failed(
                        .tls, "\(host.address) speaks AMQP without TLS (\(error.reason))",
                        "The URL asks for TLS at a port that has none.",
                        do:
                            "Use the broker's TLS port (5671 by default), or leave out ssl=true and write rabbit:// or amqp://."
                    )
                case .silence:
                    return failed(
                        .tls, "\(host.address) took the connection and doesn't answer: \(error.reason)",
                        "Something listens there that isn't a working broker, or a firewall drops its answers.",
                        do: "See that the broker runs: 'rabbitmq-diagnostics check_port_connectivity' at its machine.")
                default:
                    return failed(
                        .tls, "\(host.address): \(error.reason)", "The broker and this program agree on no TLS.",
                        do:
                            "See that the port is the broker's TLS port, that it speaks TLS 1.2 or 1.3 (ssl_version), and its log."
                    )
                }
            }
        }

        private func accepted(_ tls: InspectedTLS, _ now: Double) -> CheckResult {
            guard let end = tls.validUntil else { return .ok("tls", of: object, "the handshake is complete") }
            let left = Double(end) - now
            let names = tls.chain.first?.names ?? ""
            return .measured(
                "tls", of: object,
                "certificate of \(names), valid for \(Int((left / 86_400).rounded(.down))) more days, chain of \(tls.chain.count)",
                [
                    CheckMeasurement(
                        "certificate_validity", .seconds, left, doctor.thresholds.certificate,
                        help: "How long the first certificate of the chain to expire is still valid")
                ],
                otherwise: .init(
                    "When it has expired, no program that verifies it can connect any more.",
                    do: "Renew the broker's certificate. RabbitMQ reads the new files when they are replaced."))
        }

        private func refused(_ refusal: InspectedTLS.Refusal, _ tls: InspectedTLS) -> CheckResult {
            let names = tls.chain.first?.names ?? "no certificate"
            let meaning = "Programs that verify the broker's certificate refuse to connect."
            switch refusal {
            case .expired:
                return failed(
                    .tls, "the certificate has expired (\(names))", meaning,
                    do: "Renew the broker's certificate, and see that this machine's clock is right.")
            case .notYetValid:
                return failed(
                    .tls, "the certificate is not valid yet (\(names))", meaning,
                    do: "See that the clocks of this machine and of the one that signed it are right.")
            case .wrongName:
                return failed(
                    .tls, "the certificate is for another name than \(host.name) (\(names))", meaning,
                    do: "Write a name in the URL that the certificate has, or have one made for \(host.name). "
                        + "ssl_enforce_hostname_verification=false turns the check off.")
            case .untrusted:
                return failed(
                    .tls, "the certificate is not signed by an authority that is trusted here (\(names))", meaning,
                    do: "Give the file of the authority's certificate in ssl_ca_file, or add it to the system's.")
            case .other(let reason):
                return failed(
                    .tls, reason, "The handshake fails although the certificate is there.",
                    do:
                        "A broker that wants a certificate from clients needs ssl_cert_file and ssl_key_file; its log says more."
                )
            }
        }

        private func logIn() async -> ([CheckResult], isOpen: Bool) {
            do throws(InspectionFailure) {
                let look = try await inspection.logIn(to: host)
                await look.close()
                return (
                    [
                        .ok("login", of: object, "as \(look.username)"),
                        .ok("virtual-host", of: object, "\(host.virtualHost) is open"),
                    ], true
                )
            } catch {
                if error.stage == .virtualHost {
                    return (
                        [
                            .ok("login", of: object, "the user and the password are right"),
                            failed(
                                .virtualHost, error.reason,
                                "The virtual host doesn't exist, is down, or this user may not enter it.",
                                do:
                                    "'rabbitmqctl list_vhosts' shows what there is, 'rabbitmqctl list_permissions -p VHOST' who may "
                                    + "enter. A slash in its name is %2F in the URL."),
                        ], false
                    )
                }
                let result = error.stage == .login ? refusedLogin(error) : await ungreeted(error)
                return (
                    [result, .skipped("virtual-host", of: object, because: "login failed")], false
                )
            }
        }

        private func refusedLogin(_ failure: InspectionFailure) -> CheckResult {
            failed(
                .login, failure.reason, "The broker doesn't take this user, its password, or the login method.",
                do:
                    "Compare the user and the password with the broker's ('rabbitmqctl authenticate_user'). guest may connect from the "
                    + "broker's own machine only.")
        }

        /// Nothing there speaks AMQP.
        private func ungreeted(_ failure: InspectionFailure) async -> CheckResult {
            let port = host.address
            if inspection.usesTLS {
                return failed(
                    .login, "\(port): \(failure.reason)", "TLS begins, and no broker answers in it.",
                    do:
                        "A broker that wants a certificate from clients needs ssl_cert_file and ssl_key_file; behind a proxy, see that "
                        + "it reaches a broker. The log of the broker says more.")
            }
            switch await inspection.language(of: host) {
            case .tls:
                return failed(
                    .login, "\(port) speaks TLS", "The URL asks for no TLS at a port that has nothing else.",
                    do: "Write amqps://, or add ssl=true; or use the broker's port without TLS (5672 by default).")
            case .http:
                return failed(
                    .login, "\(port) speaks HTTP", "That is the management API's port, or another service's.",
                    do: "Use the broker's AMQP port (5672 by default, 5671 with TLS).")
            case .otherAMQP:
                return failed(
                    .login, "\(port) speaks another version of AMQP",
                    "The peer isn't RabbitMQ, or AMQP 0-9-1 is turned off there.",
                    do: "Correct the host and the port in the URL.")
            case .silence:
                return failed(
                    .login, "\(port) took the connection and sends nothing",
                    "Something listens there that isn't a working broker: a proxy without one, a broker that hangs, or a firewall that "
                        + "drops what it answers.",
                    do: "See that the broker runs: 'rabbitmq-diagnostics check_running' at its machine.")
            case .nothing:
                // A TLS port hangs up on what it can't read.
                if (try? await inspection.inspectTLS(of: host, now: Int(doctor.now()))) != nil {
                    return failed(
                        .login, "\(port) speaks TLS", "The URL asks for no TLS at a port that has nothing else.",
                        do: "Write amqps://, or add ssl=true; or use the broker's port without TLS (5672 by default).")
                }
                fallthrough
            default:
                return failed(
                    .login, "\(port): \(failure.reason)", "What listens there doesn't speak AMQP 0-9-1.",
                    do: "Correct the host and the port in the URL; behind a proxy, see that it reaches a broker.")
            }
        }
    }
#endif
