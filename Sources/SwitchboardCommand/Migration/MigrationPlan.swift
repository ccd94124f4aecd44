#if RabbitMQ
    import SwitchboardMessaging

    /// The steps of a migration, from what is there: those that are done already say so, so a migration that was interrupted goes on.
    struct MigrationPlan: Hashable, Sendable {
        enum Kind: String, Hashable, Sendable {
            case stopCallers = "stop-callers"
            case drain
            case stopServers = "stop-servers"
            case delete
            case mapping
            case start
        }

        struct Step: Hashable, Sendable {
            var kind: Kind
            /// What is done, and by whom: a sentence.
            var text: String
            /// What it is about: programs, queues.
            var items: [String]
            /// Whether there is nothing to do.
            var isDone: Bool
        }

        var steps: [Step]
        /// What will not be deleted, with the reason.
        var left: [String]

        var isDone: Bool { steps.allSatisfy(\.isDone) }

        /// - Parameters:
        ///   - isMove: whether the queues move to another virtual host, and not to other types in theirs.
        ///   - mapping: the cell whose mapping is switched; `nil` when none is.
        init(_ state: MigrationState, isMove: Bool, mapping: String?) {
            let isNeeded = !state.queues.isEmpty || !state.exchanges.isEmpty
            let deletable = state.queues.filter(\.isDeletable).map(\.name) + state.exchanges.map { "exchange \($0)" }
            // Queues of one program go by themselves, when they expire.
            let kept = state.queues.filter { !$0.isDeletable && !$0.isOwn }
            func programs(_ list: [MigrationState.Program]) -> [String] {
                list.map { "\($0.name) (\($0.connections) at \($0.peers.sorted().joined(separator: ", ")))" }
            }
            steps = [
                Step(
                    kind: .stopCallers,
                    text: "Stop the programs that only call, so that no new requests come.",
                    items: isNeeded ? programs(state.callers) : [], isDone: !isNeeded || state.callers.isEmpty),
                Step(
                    kind: .drain, text: "Wait until the servers have taken what waits in their queues.",
                    items: state.waiting.map { "\($0.name) (\($0.ready))" }, isDone: !isNeeded || state.waiting.isEmpty),
                Step(
                    kind: .stopServers, text: "Stop the servers.", items: isNeeded ? programs(state.servers) : [],
                    isDone: !isNeeded || state.servers.isEmpty),
                Step(
                    kind: .delete,
                    text:
                        "Delete the old queues and exchanges; the broker keeps what has messages, consumers or bindings.",
                    items: deletable.sorted(), isDone: !isNeeded),
            ]
            if let mapping {
                steps.append(
                    Step(kind: .mapping, text: "Give the cell's mapping the new URL.", items: [mapping], isDone: false))
            }
            steps.append(
                Step(
                    kind: .start,
                    text: isMove
                        ? "Give the services the new URL, and start the servers, then the callers."
                        : "Give the services the new options, and start the servers, then the callers.",
                    items: isNeeded ? programs(state.servers) + programs(state.callers) : [], isDone: !isNeeded))
            left = kept.map {
                "\($0.name): a \($0.type) queue, which the broker would delete with all that is in it; delete it by hand when it is empty"
            }
        }

        var json: JSONValue {
            [
                "steps": .array(
                    steps.map { step in
                        [
                            "step": .string(step.kind.rawValue), "text": .string(step.text),
                            "items": .array(step.items.map { .string($0) }), "done": .bool(step.isDone),
                        ]
                    }),
                "left": .array(left.map { .string($0) }),
            ]
        }

        var lines: [String] {
            var lines: [String] = []
            for (index, step) in steps.enumerated() {
                lines.append("\(index + 1). \(step.text)\(step.isDone ? " Nothing to do." : "")")
                lines += step.items.map { "     \($0)" }
            }
            if !left.isEmpty { lines += ["Left to you:"] + left.map { "     \($0)" } }
            return lines
        }
    }
#endif
