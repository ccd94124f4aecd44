#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// Asks a broker what waits in queues, on a connection that lasts no longer than that.
    struct BacklogSampler: Sendable {
        let url: TransportURL
        let timeout: Duration

        /// Those of the queues that are there; none when the broker can't be asked.
        func backlogs(of queues: [String]) async -> [String: TopReport.Backlog] {
            guard !queues.isEmpty,
                let inspection = try? BrokerInspection(
                    url, besides: CommandSettings.current.rabbitMQ.announced, timeout: timeout, logger: Doctor.silent)
            else { return [:] }
            for host in inspection.hosts {
                guard let look = try? await inspection.logIn(to: host) else { continue }
                var found: [String: TopReport.Backlog] = [:]
                for queue in queues {
                    guard !Task.isCancelled, let backlog = try? await look.backlog(of: queue) else { continue }
                    found[queue] = TopReport.Backlog(ready: backlog.ready, consumers: backlog.consumers)
                }
                await look.close()
                return found
            }
            return [:]
        }
    }
#endif
