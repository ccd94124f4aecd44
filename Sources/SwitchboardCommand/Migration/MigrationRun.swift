#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// Goes through a plan's steps. It waits for what people do, and deletes only what the broker finds idle.
    struct MigrationRun {
        enum Outcome: Hashable, Sendable {
            case done
            /// Somebody said no.
            case refused(at: MigrationPlan.Kind)
            /// What has to be so first isn't so yet: a clause.
            case stopped(at: MigrationPlan.Kind, reason: String)
        }

        /// What became of queues and exchanges.
        struct Deletions: Hashable, Sendable {
            var deleted: [String] = []
            /// With the broker's reason.
            var kept: [String: String] = [:]

            fileprivate mutating func note(_ deletion: IdleDeletion, of name: String) {
                switch deletion {
                case .deleted: deleted.append(name)
                case .kept(let reason): kept[name] = reason
                }
            }
        }

        let plan: MigrationPlan
        /// What was there when the plan was made.
        let state: MigrationState
        let look: MigrationLook
        /// Where the queues are to be.
        let target: BrokerInspection
        let isMove: Bool
        var wait = Duration.seconds(600)
        var interval = Duration.seconds(2)
        let switchMapping: () async throws -> Void
        /// Asked before each step that isn't done.
        let agree: (MigrationPlan.Step) async throws -> Bool
        let say: (String) throws -> Void

        private(set) var deletions = Deletions()

        init(
            plan: MigrationPlan, state: MigrationState, look: MigrationLook, target: BrokerInspection, isMove: Bool,
            switchMapping: @escaping () async throws -> Void,
            agree: @escaping (MigrationPlan.Step) async throws -> Bool,
            say: @escaping (String) throws -> Void
        ) {
            self.plan = plan
            self.state = state
            self.look = look
            self.target = target
            self.isMove = isMove
            self.switchMapping = switchMapping
            self.agree = agree
            self.say = say
        }

        mutating func run() async throws -> Outcome {
            for step in plan.steps where !step.isDone {
                guard try await agree(step) else { return .refused(at: step.kind) }
                if let reason = try await perform(step.kind) { return .stopped(at: step.kind, reason: reason) }
                try say("\(step.kind.rawValue): done.")
            }
            return .done
        }

        /// Returns why the step isn't done; `nil` when it is.
        private mutating func perform(_ kind: MigrationPlan.Kind) async throws -> String? {
            switch kind {
            case .stopCallers:
                return try await waiting { state in
                    state.callers.isEmpty ? nil : "still connected: \(Self.list(state.callers.map(\.name)))"
                }
            case .drain:
                return try await waiting { state in
                    state.waiting.isEmpty
                        ? nil : "messages wait in \(Self.list(state.waiting.map { "\($0.name) (\($0.ready))" }))"
                }
            case .stopServers:
                // The consumers are the broker's to count; who they are, the API tells some seconds late.
                return try await waiting { state in
                    let used = state.queues.filter { $0.consumers > 0 }.map(\.name)
                    return used.isEmpty ? nil : "still consumed: \(Self.list(used))"
                }
            case .delete: return try await delete()
            case .mapping:
                try await switchMapping()
                return nil
            case .start:
                let served = state.queues.filter { $0.role == .requests && $0.consumers > 0 }.map(\.name)
                let there = MigrationLook(
                    inspection: target, host: try await OpenHost.first(of: target).host, api: look.api, target: nil)
                let (look, isMove) = (look, isMove)
                return try await until {
                    let counts = try await there.count(served)
                    let missing = served.filter { (counts[$0]?.consumers ?? 0) == 0 }
                    if !missing.isEmpty { return "not served yet: \(Self.list(missing))" }
                    if isMove { return nil }
                    let again = Set(try await look.state().queues.map(\.name)).intersection(served)
                    return again.isEmpty ? nil : "declared with the old options again: \(Self.list(Array(again)))"
                }
            }
        }

        private mutating func delete() async throws -> String? {
            let connection = try await look.inspection.logIn(to: look.host)
            var found = Deletions()
            let result = await Result { () async throws(InspectionFailure) in
                for queue in state.queues where queue.isDeletable {
                    found.note(try await connection.deleteIdleQueue(queue.name), of: queue.name)
                }
                for exchange in state.exchanges {
                    found.note(try await connection.deleteUnusedExchange(exchange), of: "exchange \(exchange)")
                }
            }
            await connection.close()
            deletions = found
            try result.get()
            for (name, reason) in deletions.kept.sorted(by: { $0.key < $1.key }) { try say("kept \(name): \(reason)") }
            if isMove { return nil }
            // Of other types only queues that several programs declare stand in the way: others have names of their own.
            let own = Set(state.queues.filter(\.isOwn).map(\.name))
            let inTheWay = deletions.kept.keys.filter { !own.contains($0) }
            if !inTheWay.isEmpty { return "the broker keeps \(Self.list(Array(inTheWay)))" }
            let byHand = state.queues.filter { !$0.isDeletable && !$0.isOwn }.map(\.name)
            let remaining = try await look.count(byHand).keys
            return remaining.isEmpty
                ? nil : "delete \(Self.list(Array(remaining))) by hand: 'rabbitmqctl delete_queue NAME'"
        }

        // MARK: Waiting

        /// Until the virtual host is as a step wants it.
        private func waiting(_ obstacle: (MigrationState) -> String?) async throws -> String? {
            try await until { obstacle(try await look.state()) }
        }

        /// Until nothing is in the way, or time is up: then what still is.
        private func until(_ obstacle: () async throws -> String?) async throws -> String? {
            let deadline = ContinuousClock.now + wait
            var last: String?
            while let reason = try await obstacle() {
                if ContinuousClock.now >= deadline { return reason }
                if reason != last { try say(reason) }
                last = reason
                try await Task.sleep(for: interval)
            }
            return nil
        }

        private static func list(_ names: [String]) -> String {
            let sorted = names.sorted()
            return sorted.prefix(10).joined(separator: ", ")
                + (sorted.count > 10 ? " and \(sorted.count - 10) more" : "")
        }
    }
#endif
