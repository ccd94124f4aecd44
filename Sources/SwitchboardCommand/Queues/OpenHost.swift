#if RabbitMQ
    import SwitchboardRabbitMQ

    /// A host of a URL that lets the user in.
    struct OpenHost {
        let host: BrokerInspection.Host
        let broker: BrokerIdentity
        let username: String

        /// The first one, in the URL's order; throws why the first of all doesn't where none does.
        static func first(of inspection: BrokerInspection) async throws(InspectionFailure) -> OpenHost {
            var first: InspectionFailure?
            for host in inspection.hosts {
                do throws(InspectionFailure) {
                    let look = try await inspection.logIn(to: host)
                    await look.close()
                    return OpenHost(host: host, broker: look.broker, username: look.username)
                } catch {
                    first = first ?? error
                }
            }
            throw first ?? InspectionFailure(.socket, "the URL names no host")
        }
    }
#endif
