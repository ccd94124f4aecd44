#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// What the management API lists of a virtual host.
    struct BusListing: Sendable {
        /// A queue, and what the API knows of its state; `nil` where it has no numbers yet.
        struct Queue: Hashable, Sendable {
            var listed: ListedQueue
            var consumers: Int?
            var ready: Int?
            /// The size of its messages' bodies.
            var bytes: Int?
            /// The nodes of its replicas, and those of them that are up. Empty for classic queues.
            var members: [String] = []
            var online: [String] = []

            var name: String { listed.name }
        }

        var queues: [Queue]
        var exchanges: [ListedExchange]
        /// The exchanges that requests and notifications go through.
        var exchangesInUse: Set<String>
        /// How many nodes the cluster has; `nil` where the user may not see that.
        var nodes: Int?

        func queues(_ role: ListedQueue.Role) -> [Queue] { queues.filter { $0.listed.role == role } }

        /// Lists the virtual host.
        ///
        /// - Parameter notificationTopics: topics of notifications that their names don't tell.
        static func of(
            _ virtualHost: String, _ api: ManagementAPI, notificationTopics: [String]
        ) async throws(ManagementError) -> BusListing {
            let host = ManagementAPI.escaped(virtualHost)
            var roles = QueueRoles(notificationTopics: notificationTopics)
            let exchanges = try await api.list("/api/exchanges/\(host)?columns=name,type,durable,auto_delete,internal")
            let listedExchanges = exchanges.compactMap { exchange($0) }
            roles.topicExchanges = Set(listedExchanges.filter { $0.type != "fanout" }.map(\.name))
            let bindings = try await api.list(
                "/api/bindings/\(host)?columns=source,destination,destination_type,routing_key")
            for binding in bindings { roles.add(binding) }
            var queues: [Queue] = []
            // In pages, as brokers of large clouds have thousands.
            for page in 1...mostPages {
                guard
                    let answer = try await api.get(
                        "/api/queues/\(host)?page=\(page)&page_size=500&columns=\(queueColumns)"),
                    case .array(let items)? = answer["items"]
                else { throw ManagementError("the management API knows no virtual host \(virtualHost)") }
                queues += items.compactMap { queue($0, roles) }
                if page >= answer["page_count"]?.integer ?? 1 { break }
                // A queue that went meanwhile moved others to an earlier page; what is missed so is seen the next time.
            }
            // Only monitoring users may see nodes.
            let nodes = try? await api.list("/api/nodes?columns=name")
            return BusListing(
                queues: queues, exchanges: listedExchanges, exchangesInUse: roles.exchangesInUse,
                nodes: nodes.flatMap { $0.isEmpty ? nil : $0.count })
        }

        private static let mostPages = 1000
        private static let queueColumns =
            "name,type,durable,auto_delete,exclusive,arguments,messages_ready,consumers,members,online,message_bytes"

        private static func exchange(_ value: JSONValue) -> ListedExchange? {
            guard let name = value["name"]?.string, !name.isEmpty, !name.hasPrefix("amq.") else { return nil }
            return ListedExchange(
                name: name, type: value["type"]?.string ?? "", isDurable: value["durable"]?.bool ?? false,
                deletesItself: value["auto_delete"]?.bool ?? false)
        }

        private static func queue(_ value: JSONValue, _ roles: QueueRoles) -> Queue? {
            guard let name = value["name"]?.string else { return nil }
            var arguments: [String: String] = [:]
            if case .object(let object)? = value["arguments"] {
                for (key, value) in object { arguments[key] = value.string ?? "\(value)" }
            }
            let type = value["type"]?.string ?? arguments["x-queue-type"] ?? "classic"
            var queue = Queue(
                listed: ListedQueue(
                    name: name, role: roles.role(of: name, type: type), type: type,
                    isDurable: value["durable"]?.bool ?? false, deletesItself: value["auto_delete"]?.bool ?? false,
                    isExclusive: value["exclusive"]?.bool ?? false, arguments: arguments))
            queue.consumers = value["consumers"]?.integer.map { Int($0) }
            queue.ready = value["messages_ready"]?.integer.map { Int($0) }
            queue.bytes = value["message_bytes"]?.integer.map { Int($0) }
            queue.members = strings(value["members"])
            queue.online = strings(value["online"])
            return queue
        }

        private static func strings(_ value: JSONValue?) -> [String] {
            guard case .array(let elements)? = value else { return [] }
            return elements.compactMap(\.string)
        }
    }

    /// Tells what queues are for by their names and bindings.
    struct QueueRoles: Sendable {
        let notificationTopics: [String]
        /// Exchanges that aren't a fanout's.
        var topicExchanges: Set<String> = []
        private(set) var exchangesInUse: Set<String> = []
        /// The keys that bind a queue to such an exchange.
        private var keys: [String: Set<String>] = [:]

        init(notificationTopics: [String]) {
            self.notificationTopics = notificationTopics
        }

        mutating func add(_ binding: JSONValue) {
            guard binding["destination_type"]?.string == "queue", let queue = binding["destination"]?.string,
                let exchange = binding["source"]?.string, topicExchanges.contains(exchange),
                let key = binding["routing_key"]?.string
            else { return }
            if key == queue || isNotification(key) {
                keys[queue, default: []].insert(key)
                exchangesInUse.insert(exchange)
            }
        }

        func role(of name: String, type: String) -> ListedQueue.Role {
            if name.hasPrefix("reply_") { return .replies }
            if name.contains("_fanout_") { return .fanout }
            if name.hasSuffix("_fanout"), type == "stream" { return .fanoutStream }
            if keys[name]?.contains(where: isNotification) == true { return .notifications }
            // oslo.messaging binds a topic's and a server's queue with its own name as the key.
            return keys[name] == nil ? .foreign : .requests
        }

        /// `notifications.info`: a topic and a priority.
        private func isNotification(_ key: String) -> Bool {
            guard let dot = key.lastIndex(of: "."), Self.priorities.contains(key[key.index(after: dot)...]) else {
                return false
            }
            let topic = key[..<dot]
            return topic.contains("notification") || notificationTopics.contains { $0 == topic }
        }

        private static let priorities: Set<Substring> = [
            "audit", "debug", "info", "warn", "error", "critical", "sample",
        ]
    }

    extension ManagementAPI {
        /// A list; empty where there is none of that name.
        func list(_ path: String) async throws(ManagementError) -> [JSONValue] {
            switch try await get(path) {
            case .array(let elements)?: return elements
            case nil: return []
            default:
                throw ManagementError("the management API at \(address.text) answered with something else than a list")
            }
        }
    }
#endif
