import Dispatch
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A Python program of `Tests/Peers`: one JSON object a line, commands in, events out.
///
/// It is killed when the test is over, however the test ends.
final class PythonPeer: Sendable {
    /// A Python with the packages that peers need; `Tests/run` makes it.
    private static var interpreter: String {
        get throws(TestBrokerError) {
            guard let path = getenv("SWITCHBOARD_PYTHON").map({ String(cString: $0) }), !path.isEmpty else {
                throw TestBrokerError(
                    "The tests against oslo.messaging and Nova need a Python that has them: run ./Tests/run, which makes "
                        + "one, or set SWITCHBOARD_PYTHON to an interpreter with the packages of "
                        + "Tests/Peers/requirements.txt.")
            }
            return path
        }
    }

    /// What a command was answered with.
    enum Answer: Sendable {
        case result(JSONValue)
        case error(PythonError)
    }

    /// An exception that a command raised in the peer.
    struct PythonError: Error, Sendable {
        var className: String
        var module: String
        var message: String
        /// The names of the classes that it derives from, nearest first.
        var bases: [String]
    }

    private struct State {
        var events: [JSONValue] = []
        /// How many events came, with those that were taken out.
        var arrivals = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
        var isOver = false
        var nextID: Int64 = 1
    }

    private let script: String
    private let process: GuardedProcess
    private let directory: ScratchDirectory
    private let state = Locked(State())

    /// Runs a script of `Tests/Peers` for as long as `body` runs; it is ready when `body` is called.
    static func withPeer<Result>(
        _ script: String, _ arguments: [String], readyWithin: Duration = .seconds(60),
        _ body: (PythonPeer) async throws -> Result
    ) async throws -> Result {
        let peer = try PythonPeer(script, await configured(arguments, for: script))
        do {
            _ = try await peer.event(within: readyWithin) { $0["event"]?.string == "ready" }
            let result = try await body(peer)
            await peer.end()
            return result
        } catch {
            await peer.end()
            throw error
        }
    }

    /// Where the broker refuses transient queues, oslo.messaging's programs don't come up with their defaults: a client needs one
    /// option, all others two. Ours have their defaults.
    private static func configured(_ arguments: [String], for script: String) async throws -> [String] {
        guard arguments.contains(where: { $0.contains("rabbit://") }),
            try await TestBroker.shared().refusesTransientQueues()
        else { return arguments }
        let options =
            script == "oslo_client.py"
            ? "rabbit_transient_quorum_queue=true" : "amqp_durable_queues=true&rabbit_transient_quorum_queue=true"
        return arguments.map { argument in
            guard argument.contains("rabbit://") else { return argument }
            return argument + (argument.contains("?") ? "&" : "?") + options
        }
    }

    private init(_ script: String, _ arguments: [String]) throws {
        let python = try Self.interpreter
        self.script = script
        directory = try ScratchDirectory(prefix: "switchboard-peer")
        process = try GuardedProcess(
            [python, "-u", Self.scripts + script] + arguments,
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": directory.path, "LANG": "C.UTF-8",
                // What Python compiles is kept for the next peer, which starts in a third of the time; not among the sources.
                "PYTHONPYCACHEPREFIX": python + "-bytecode",
            ],
            streams: .connected(errors: "\(directory.path)/errors"), scratch: directory.path)
        let output = process.output
        // A thread that waits in `read`: a test has a peer or two, and the pool's threads must not wait.
        DispatchQueue(label: "peer \(script)").async { [weak self] in
            var line: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(output, &buffer, buffer.count), count > 0 {
                for byte in buffer[..<count] {
                    if byte == UInt8(ascii: "\n") {
                        self?.take(line)
                        line = []
                    } else {
                        line.append(byte)
                    }
                }
            }
            close(output)
            self?.finish()
        }
    }

    private static let scripts: String = {
        // This file is Tests/PeerTests/PythonPeer.swift.
        let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(here)/Peers/"
    }()

    // MARK: Events

    /// The first event, past or to come within the limit, that `matches`; it is taken out, so that asking again gives
    /// the next one.
    func event(
        within limit: Duration = .seconds(20), where matches: @Sendable (JSONValue) -> Bool
    ) async throws -> JSONValue {
        let deadline = ContinuousClock.now + limit
        while true {
            let (found, isOver, arrivals) = state.withLock { state -> (JSONValue?, Bool, Int) in
                guard let index = state.events.firstIndex(where: matches) else {
                    return (nil, state.isOver, state.arrivals)
                }
                return (state.events.remove(at: index), false, state.arrivals)
            }
            if let found { return found }
            if isOver || ContinuousClock.now >= deadline {
                throw TestBrokerError(
                    "\(script) \(isOver ? "ended" : "printed nothing") that the test waits for.\n"
                        + "Events: \(state.withLock { $0.events })\n\(directory.tail(of: "errors", limit: 8192))")
            }
            await change(before: deadline, since: arrivals)
        }
    }

    /// How many events there are now that `matches`.
    func count(where matches: @Sendable (JSONValue) -> Bool) -> Int {
        state.withLock { $0.events.count { matches($0) } }
    }

    /// The next invocation of a method in `oslo_server.py`.
    func called(_ method: String, within limit: Duration = .seconds(20)) async throws -> JSONValue {
        try await event(within: limit) { $0["event"]?.string == "called" && $0["method"]?.string == method }
    }

    /// Returns when another event came than the first `arrivals`, the peer ended, or the deadline is there.
    private func change(before deadline: ContinuousClock.Instant, since arrivals: Int) async {
        let timer = Task { [weak self] in
            try? await Task.sleep(until: deadline)
            self?.wake()
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isNow = state.withLock { state in
                    if state.isOver || ContinuousClock.now >= deadline || Task.isCancelled { return true }
                    // One may have come since the caller looked.
                    if state.arrivals != arrivals { return true }
                    state.watchers.append(continuation)
                    return false
                }
                if isNow { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        timer.cancel()
    }

    private func wake() {
        let watchers = state.withLock { state in
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    private func take(_ line: [UInt8]) {
        let event =
            (try? JSONValue(parsing: line)) ?? [
                "event": "noise", "text": .string(String(decoding: line, as: UTF8.self)),
            ]
        state.withLock { state in
            state.events.append(event)
            state.arrivals += 1
        }
        wake()
    }

    private func finish() {
        state.withLock { $0.isOver = true }
        wake()
    }

    // MARK: Commands

    /// Sends a command and waits for its answer.
    func answer(_ command: JSONObject, within limit: Duration = .seconds(30)) async throws -> Answer {
        let id = try send(command)
        let event = try await event(within: limit) { $0["event"]?.string == "answer" && $0["id"]?.integer == id }
        guard let error = event["error"] else { return .result(event["result"] ?? .null) }
        var bases: [String] = []
        if case .array(let names)? = error["bases"] { bases = names.compactMap(\.string) }
        return .error(
            PythonError(
                className: error["class"]?.string ?? "", module: error["module"]?.string ?? "",
                message: error["message"]?.string ?? "", bases: bases))
    }

    /// Sends a command and waits for its result; throws ``PythonError`` when it raised.
    func result(_ command: JSONObject, within limit: Duration = .seconds(30)) async throws -> JSONValue {
        switch try await answer(command, within: limit) {
        case .result(let value): return value
        case .error(let error): throw error
        }
    }

    /// Sends a command and waits for the exception that it raises.
    func error(_ command: JSONObject, within limit: Duration = .seconds(30)) async throws -> PythonError {
        switch try await answer(command, within: limit) {
        case .result(let value): throw TestBrokerError("\(script) raised nothing; the result is \(value).")
        case .error(let error): return error
        }
    }

    /// Sends a command without waiting; returns the id that its answer will carry.
    @discardableResult
    func send(_ command: JSONObject) throws -> Int64 {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        var command = command
        command["id"] = .integer(id)
        var bytes = Array("\(JSONValue.object(command))\n".utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(process.input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                throw TestBrokerError("\(script) takes no more commands.\n\(directory.tail(of: "errors"))")
            }
            bytes = bytes.dropFirst(count)
        }
        return id
    }

    /// Closes the peer's input, so that it leaves in order; kills it when it does not.
    private func end() async {
        close(process.input)
        if await process.waitForExit(within: .seconds(10)) == nil {
            await process.end()
        }
        directory.remove()
    }
}
