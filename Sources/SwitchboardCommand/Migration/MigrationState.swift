#if RabbitMQ
    import SwitchboardRabbitMQ

    /// What is in a virtual host that a migration is about, and who uses it.
    struct MigrationState: Hashable, Sendable {
        /// Connections of one program, as they call themselves.
        struct Program: Hashable, Sendable {
            /// `nova-compute`
            var name: String
            /// The addresses that it connects from.
            var peers: [String]
            var connections: Int
            /// Whether one of them consumes a queue that has to go.
            var isServer: Bool
        }

        /// A queue that has to go.
        struct Queue: Hashable, Sendable {
            var name: String
            var role: ListedQueue.Role
            var type: String
            var ready: Int
            var consumers: Int

            /// Whether a broker looks by itself that it deletes nothing that is used.
            var isDeletable: Bool { type == "classic" }
            /// Whether one program declares it for itself, so that it stands in nobody's way.
            var isOwn: Bool { role == .replies || role == .fanout }
        }

        var queues: [Queue]
        var exchanges: [String]
        var programs: [Program]

        var callers: [Program] { programs.filter { !$0.isServer } }
        var servers: [Program] { programs.filter(\.isServer) }
        /// Those whose messages servers still take.
        var waiting: [Queue] { queues.filter { $0.role == .requests && $0.ready > 0 } }
    }
#endif
