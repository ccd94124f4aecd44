import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Talks to a broker's node from inside.
///
/// The node runs ``script`` when it has booted: a listener on a Unix socket in the broker's private directory that
/// evaluates Erlang. What takes `rabbitmqctl` a second or two, because it starts an Erlang node of its own, takes
/// milliseconds here; and the socket's being there says that the boot is complete.
///
/// The script also removes what RabbitMQ with Khepri leaves of an exchange that is deleted at the moment when somebody binds a
/// queue to it: an entry without content, over which each later declaration fails and closes its connection (seen with 4.3.6).
/// An operator would have to; tests are not about that.
struct BrokerControl: Sendable {
    let path: String

    /// Each connection carries one request and one answer, both behind a length of four bytes. An answer begins with
    /// `+`, or with `-` and what went wrong.
    static let script = """
        Path = os:getenv("SWITCHBOARD_CONTROL").
        Evaluate = fun(Text) ->
            try
                {ok, Tokens, _} = erl_scan:string(Text),
                {ok, Expressions} = erl_parse:parse_exprs(Tokens),
                {value, Value, _} = erl_eval:exprs(Expressions, []),
                iolist_to_binary(["+", Value])
            catch
                Class:Reason -> unicode:characters_to_binary(io_lib:format("-~0tp: ~0tp", [Class, Reason]))
            end
        end.
        Serve = fun(Socket) ->
            receive go -> ok end,
            {ok, Text} = gen_tcp:recv(Socket, 0),
            ok = gen_tcp:send(Socket, Evaluate(binary_to_list(Text))),
            gen_tcp:close(Socket)
        end.
        file:delete(Path).
        spawn(fun() ->
            Options = [binary, {packet, 4}, {active, false}, {backlog, 128}, {ifaddr, {local, Path}}],
            {ok, Listener} = gen_tcp:listen(0, Options),
            Accept = fun Accept() ->
                {ok, Socket} = gen_tcp:accept(Listener),
                Server = spawn(fun() -> Serve(Socket) end),
                ok = gen_tcp:controlling_process(Socket, Server),
                Server ! go,
                Accept()
            end,
            Accept()
        end).
        Any = {if_name_matches, any, undefined}.
        Leftovers = fun() ->
            Path = [case Part of <<"v">> -> Any; <<"x">> -> Any; _ -> Part end
                || Part <- rabbit_db_exchange:khepri_exchange_path(<<"v">>, <<"x">>)],
            {ok, Nodes} = khepri_adv:get_many(rabbit_khepri:get_store_id(), Path, #{favor => low_latency}),
            [Node || {Node, #{data := undefined}} <- maps:to_list(Nodes)]
        end.
        Mend = fun Mend() ->
            timer:sleep(200),
            catch [rabbit_khepri:delete(Node) || Node <- Leftovers()],
            Mend()
        end.
        case catch rabbit_khepri:is_enabled() of true -> spawn(Mend); _ -> no_khepri end.

        """

    /// Evaluates Erlang expressions that end in `.` and give text; returns the text. A paused node answers nothing: the
    /// limit, in whole seconds, ends the wait.
    func evaluate(_ expressions: String, within limit: Duration) async throws(TestBrokerError) -> String {
        let path = path
        // A queue of its own is a thread of its own: a wait here takes none from the tasks' pool.
        let answer: Result<String, TestBrokerError> = await withCheckedContinuation { continuation in
            DispatchQueue(label: "switchboard.testbroker").async {
                do throws(TestBrokerError) {
                    continuation.resume(returning: .success(try Self.exchange(expressions, at: path, limit)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        let text = try answer.get()
        guard text.hasPrefix("+") else {
            throw TestBrokerError("The broker refuses: \(text.dropFirst()), asked for: \(expressions)")
        }
        return String(text.dropFirst())
    }

    private static func exchange(
        _ request: String, at path: String, _ limit: Duration
    ) throws(TestBrokerError) -> String {
        let descriptor = socket(AF_UNIX, streamSocket | closeOnExec, 0)
        guard descriptor >= 0 else { throw .system("socket") }
        defer { close(descriptor) }
        setTimeout(of: descriptor, limit)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard path.utf8.count < place.count else { return false }
            place.copyBytes(from: path.utf8)
            return true
        }
        guard fits else { throw TestBrokerError("\(path) is too long for the path of a socket.") }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            throw TestBrokerError("The broker's node is not running: \(errorText(errno)).")
        }
        let bytes = Array(request.utf8)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) }
        try sendAll(length + bytes, to: descriptor)
        let header = try receive(4, from: descriptor, limit)
        let count = header.reduce(0) { $0 << 8 | Int($1) }
        return String(decoding: try receive(count, from: descriptor, limit), as: UTF8.self)
    }

    private static func sendAll(_ bytes: [UInt8], to descriptor: Int32) throws(TestBrokerError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("Writing to the broker's control socket") }
            rest = rest.dropFirst(count)
        }
    }

    private static func receive(
        _ count: Int, from descriptor: Int32, _ limit: Duration
    ) throws(TestBrokerError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < count {
            let got = recv(descriptor, &chunk, min(chunk.count, count - bytes.count), 0)
            // So it ends, for a socket with a time limit, when the process was stopped and goes on.
            if got < 0, errno == EINTR { continue }
            if got < 0, errno == EAGAIN {
                throw TestBrokerError("The broker's node did not answer within \(limit).")
            }
            guard got > 0 else { throw TestBrokerError("The broker's node closed its control socket.") }
            bytes += chunk.prefix(got)
        }
        return bytes
    }

    fileprivate static func setTimeout(of descriptor: Int32, _ timeout: Duration) {
        var time = timeval(tv_sec: Int(timeout.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
}

/// Asks a port for AMQP.
enum AMQPProbe {
    /// Whether a server at the port answers the protocol header of AMQP 0-9-1 (with its `connection.start`).
    static func answers(port: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "switchboard.testbroker").async {
                continuation.resume(returning: exchange(port: port))
            }
        }
    }

    private static func exchange(port: Int) -> Bool {
        let descriptor = socket(AF_INET, streamSocket | closeOnExec, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        BrokerControl.setTimeout(of: descriptor, .seconds(2))
        guard LoopbackPort.withLoopbackAddress(port: port, { connect(descriptor, $0, $1) }) == 0 else { return false }
        let header: [UInt8] = [0x41, 0x4D, 0x51, 0x50, 0, 0, 9, 1]
        guard send(descriptor, header, header.count, Int32(MSG_NOSIGNAL)) == header.count else { return false }
        var first: UInt8 = 0
        return recv(descriptor, &first, 1, 0) == 1 && first == 1
    }
}

/// Text as an Erlang binary, byte by byte, so that nothing in it means anything to Erlang.
func erlangBinary(_ text: String) -> String {
    "<<" + text.utf8.map(String.init).joined(separator: ",") + ">>"
}
