#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// Taps everything that options name, at the same time, with the firehose as they say.
    struct TapRun: Sendable {
        let options: TapOptions
        let wishes: TapWishes
        let targets: [TapOptions.Target]

        init(_ options: TapOptions, _ wishes: TapWishes, _ targets: [TapOptions.Target]) throws {
            guard !targets.isEmpty else {
                throw Failure("There is no cell with a queue to tap.", exit: MessageExit.noCell)
            }
            if let other = targets.first(where: { !RabbitMQTopology.schemes.contains($0.url.scheme) }) {
                throw Failure(
                    "\(other.name) is not RabbitMQ (\(other.url.scheme)://): only RabbitMQ's messages can be seen without taking them.",
                    exit: MessageExit.queue)
            }
            self.options = options
            self.wishes = wishes
            self.targets = targets
        }

        /// Until the task is cancelled, or one can't be tapped.
        func run(_ receive: @escaping @Sendable (TapEvent, TapOptions.Target) async throws -> Void) async throws {
            guard options.firehose == .on, let target = targets.first, let management = management(of: target) else {
                return try await runSources(receive)
            }
            let inspection = try BrokerInspection(target.url, timeout: wishes.timeout, logger: Doctor.silent)
            let firehose = FirehoseSwitch(
                management: management, virtualHost: inspection.hosts.first?.virtualHost ?? "/")
            try await firehose.whileOn(left: { complain($0) }) { try await runSources(receive) }
        }

        private func runSources(
            _ receive: @escaping @Sendable (TapEvent, TapOptions.Target) async throws -> Void
        ) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for target in targets {
                    group.addTask {
                        var source = TapSource(target.url, wishes)
                        source.knownExchanges = try await knownExchanges(of: target)
                        try await source.run { try await receive($0, target) }
                    }
                }
                try await group.waitForAll()
            }
        }

        private func management(of target: TapOptions.Target) -> ManagementAPI? {
            options.managementURL.flatMap { ManagementAddress($0) }
                .map { ManagementAPI($0, of: target.url, timeout: wishes.timeout) }
        }

        /// Those that the management API knows, where it is asked for and none was named.
        private func knownExchanges(of target: TapOptions.Target) async throws -> [String] {
            guard wishes.exchanges.isEmpty, let management = management(of: target) else { return [] }
            let inspection = try BrokerInspection(target.url, timeout: wishes.timeout, logger: Doctor.silent)
            let virtualHost = inspection.hosts.first?.virtualHost ?? "/"
            let path = "/api/exchanges/\(ManagementAPI.escaped(virtualHost))"
            let answer: JSONValue?
            do throws(ManagementError) {
                answer = try await management.get(path)
            } catch {
                complain("the exchanges of \(target.name) are not known: \(error.reason)")
                return []
            }
            guard case .array(let exchanges)? = answer else { return [] }
            return exchanges.compactMap { exchange in
                guard let name = exchange["name"]?.string, !name.isEmpty, !name.hasPrefix("amq."),
                    let type = exchange["type"]?.string, ["topic", "fanout"].contains(type)
                else { return nil }
                return name
            }
        }
    }
#endif
