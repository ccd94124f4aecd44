#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging

    /// A client's connection as the management API lists it.
    struct BrokerConnection: Hashable, Sendable {
        /// The broker's own name of it, of which there is one at a time.
        var name: String
        var user: String
        var virtualHost: String
        /// `10.0.0.7:41234`
        var peer: String
        /// What the client calls itself, as oslo.messaging's do: `nova-compute:4711:6f1c…`.
        var program: String?
        /// In milliseconds since 1970, by the broker's clock.
        var connectedAt: Int64
    }

    extension ManagementAPI {
        /// All connections to the broker, of every user and virtual host.
        ///
        /// Throws where the user wouldn't see all of them: the API shows others' connections to monitoring users only.
        func connections() async throws(ManagementError) -> [BrokerConnection] {
            guard let own = try await get("/api/whoami") else {
                throw ManagementError("the management API at \(address.text) doesn't say what its user may see")
            }
            guard Self.seesAll(own["tags"]) else {
                throw ManagementError(
                    "the management API at \(address.text) shows \(own["name"]?.string ?? "this user") no connections of others: that "
                        + "takes the tag monitoring")
            }
            var found: [BrokerConnection] = []
            for page in 1...1000 {
                let path = "/api/connections?page=\(page)&page_size=500&columns=name,user,vhost,peer_host,peer_port,"
                guard let answer = try await get(path + "user_provided_name,connected_at"),
                    case .array(let items)? = answer["items"]
                else { throw ManagementError("the management API at \(address.text) lists no connections") }
                found += items.compactMap(Self.connection)
                if page >= answer["page_count"]?.integer ?? 1 { break }
            }
            return found
        }

        /// A list of words, or, of older brokers, one text with commas.
        private static func seesAll(_ tags: JSONValue?) -> Bool {
            var words: [String] = []
            if case .array(let elements)? = tags { words = elements.compactMap(\.string) }
            if let text = tags?.string { words = text.split(separator: ",").map { String($0) } }
            return words.contains("monitoring") || words.contains("administrator")
        }

        private static func connection(_ value: JSONValue) -> BrokerConnection? {
            // What is only opening or closing has no user yet.
            guard let name = value["name"]?.string, let user = value["user"]?.string else { return nil }
            let port = value["peer_port"]?.integer.map { ":\($0)" } ?? ""
            return BrokerConnection(
                name: name, user: user, virtualHost: value["vhost"]?.string ?? "",
                peer: "\(value["peer_host"]?.string ?? "?")\(port)", program: value["user_provided_name"]?.string,
                connectedAt: value["connected_at"]?.integer ?? 0)
        }
    }
#endif
