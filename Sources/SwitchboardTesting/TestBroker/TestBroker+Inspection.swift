/// What is in the server, for assertions, and what an operator does to connections.
extension TestBroker {
    /// A queue as the server sees it now.
    public struct Queue: Sendable, Hashable {
        public var name: String
        public var ready: Int
        public var unacknowledged: Int
        public var consumers: Int
        public var isDurable: Bool
        public var isAutoDelete: Bool
        /// The arguments of its declaration, values as text.
        public var arguments: [String: String]
    }

    /// An exchange, without the server's own (`amq.…` and the nameless one).
    public struct Exchange: Sendable, Hashable {
        public var name: String
        public var kind: String
        public var isDurable: Bool
        public var isAutoDelete: Bool
    }

    /// A queue's binding to an exchange, without the one that every queue has to the nameless exchange.
    public struct Binding: Sendable, Hashable {
        public var exchange: String
        public var routingKey: String
        public var queue: String
    }

    /// A client's connection.
    public struct Connection: Sendable, Hashable {
        /// The server's own name of it: another connection has another one.
        public var name: String
        public var username: String
        public var virtualHost: String
        public var state: String
        public var channels: Int
        /// What the client said of itself, values as text; `connection_name` is the name that tools show.
        public var clientProperties: [String: String]
    }

    /// The server's version, its numbers.
    public func version() async throws -> Version {
        let text = try await evaluate("{ok, Version} = application:get_key(rabbit, vsn), Version.")
        return Version(text)
    }

    /// Whether the server refuses transient queues that aren't exclusive, as RabbitMQ's own packages do since 4.3.
    public func refusesTransientQueues() async throws -> Bool {
        // Older versions don't have the function.
        let answer = try await evaluate(
            "io_lib:format(\"~p\", [catch rabbit_deprecated_features:is_permitted(transient_nonexcl_queues)]).")
        return answer == "false"
    }

    /// The queues of a virtual host, by name.
    public func queues(in virtualHost: String) async throws -> [Queue] {
        let rows = try await rows(
            "[{name, {resource, _, _, N}}, {durable, D}, {auto_delete, A}, {messages_ready, R}, "
                + "{messages_unacknowledged, U}, {consumers, C}, {arguments, X}]",
            "[S(N), S(D), S(A), S(R), S(U), S(C), P(X)]",
            of: "rabbit_amqqueue:info_all(\(erlangBinary(virtualHost)), "
                + "[name, durable, auto_delete, messages_ready, messages_unacknowledged, consumers, arguments])")
        return rows.map { row in
            Queue(
                name: row[0], ready: Int(row[3]) ?? 0, unacknowledged: Int(row[4]) ?? 0, consumers: Int(row[5]) ?? 0,
                isDurable: row[1] == "true", isAutoDelete: row[2] == "true", arguments: Self.pairs(row[6]))
        }.sorted { $0.name < $1.name }
    }

    /// One queue; `nil` when there is none of that name.
    public func queue(_ name: String, in virtualHost: String) async throws -> Queue? {
        try await queues(in: virtualHost).first { $0.name == name }
    }

    public func exchanges(in virtualHost: String) async throws -> [Exchange] {
        let rows = try await rows(
            "[{name, {resource, _, _, N}}, {type, T}, {durable, D}, {auto_delete, A}]", "[S(N), S(T), S(D), S(A)]",
            of: "rabbit_exchange:info_all(\(erlangBinary(virtualHost)), [name, type, durable, auto_delete])")
        return rows.filter { !$0[0].isEmpty && !$0[0].hasPrefix("amq.") }.map { row in
            Exchange(name: row[0], kind: row[1], isDurable: row[2] == "true", isAutoDelete: row[3] == "true")
        }.sorted { $0.name < $1.name }
    }

    public func bindings(in virtualHost: String) async throws -> [Binding] {
        let rows = try await rows(
            "{binding, {resource, _, _, E}, K, {resource, _, queue, Q}, _}", "[S(E), S(K), S(Q)]",
            of: "rabbit_binding:list(\(erlangBinary(virtualHost)))")
        return rows.filter { !$0[0].isEmpty }.map { Binding(exchange: $0[0], routingKey: $0[1], queue: $0[2]) }
            .sorted { ($0.exchange, $0.routingKey, $0.queue) < ($1.exchange, $1.routingKey, $1.queue) }
    }

    /// The open connections; with a name, of one virtual host.
    public func connections(in virtualHost: String? = nil) async throws -> [Connection] {
        let rows = try await rows(
            "[{name, I}, {user, N}, {vhost, V}, {state, T}, {channels, C}, {client_properties, X}]",
            "[S(I), S(N), S(V), S(T), S(C), P(X)]",
            of: connectionInfos("[name, user, vhost, state, channels, client_properties]"))
        return rows.filter { virtualHost == nil || $0[2] == virtualHost }.map { row in
            Connection(
                name: row[0], username: row[1], virtualHost: row[2], state: row[3], channels: Int(row[4]) ?? 0,
                clientProperties: Self.pairs(row[5]))
        }
    }

    /// `rabbit_networking:connection_info_all`, without what ends meanwhile, on which that fails.
    private func connectionInfos(_ items: String) -> String {
        "[I || C <- rabbit_networking:connections(), "
            + "I <- try [rabbit_networking:connection_info(C, \(items))] catch _:_ -> [] end]"
    }

    /// Closes the connections of a virtual host as `rabbitmqctl close_connection` does: the clients are told `reason`.
    public func closeConnections(in virtualHost: String, reason: String = "closed by the test") async throws {
        let text = "unicode:characters_to_list(\(erlangBinary(reason)))"
        try await forEachConnection(in: virtualHost, "rabbit_networking:close_connection(Pid, \(text))")
    }

    /// Cuts the connections of a virtual host as a network does: the clients are told nothing.
    public func cutConnections(in virtualHost: String) async throws {
        try await forEachConnection(in: virtualHost, "exit(Pid, kill)")
    }

    private func forEachConnection(in virtualHost: String, _ action: String) async throws {
        _ = try await evaluate(
            "V = \(erlangBinary(virtualHost)), "
                + "[catch \(action) || [{pid, Pid}, {vhost, W}] <- \(connectionInfos("[pid, vhost]")), W =:= V], [].")
    }

    /// Raises or clears the server's memory alarm: while it is raised, publishers are blocked.
    public func setMemoryAlarm(_ isRaised: Bool) async throws {
        _ = try await evaluate(
            isRaised
                ? "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}), []."
                : "rabbit_alarm:clear_alarm({resource_limit, memory, node()}), [].")
    }

    /// Sends what `list` gives through `pattern`; each match becomes a row of `columns`, made by `S` (a string) and `P`
    /// (a table of AMQP). All text travels as hexadecimal digits, so that no name can break a row.
    private func rows(_ pattern: String, _ columns: String, of list: String) async throws -> [[String]] {
        let text = try await evaluate(
            """
            H = fun(B) -> [io_lib:format("~2.16.0b", [X]) || <<X>> <= B] end,
            T = fun(V) when is_binary(V) -> V; (V) -> unicode:characters_to_binary(io_lib:format("~0tp", [V])) end,
            S = fun(V) -> H(T(V)) end,
            P = fun(Table) when is_list(Table) -> lists:join(";", [[H(K), "=", H(T(V))] || {K, _, V} <- Table]);
                   (_) -> ""
            end,
            [[lists:join(",", \(columns)), "\\n"] || \(pattern) <- \(list)].
            """)
        return text.split(separator: "\n").map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map { column in
                column.contains("=") ? String(column) : Self.text(fromHexadecimal: column)
            }
        }
    }

    private static func pairs(_ text: String) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in text.split(separator: ";") {
            let parts = pair.split(separator: "=", omittingEmptySubsequences: false)
            pairs[self.text(fromHexadecimal: parts[0])] = self.text(fromHexadecimal: parts[1])
        }
        return pairs
    }

    private static func text(fromHexadecimal digits: Substring) -> String {
        let digits = Array(digits)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
