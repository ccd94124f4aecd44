#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An Erlang port mapper (epmd) of our own, on loopback, so that no broker of the machine's is met or left behind.
///
/// The nodes of a cluster share one.
struct PortMapper: Sendable {
    let port: Int
    private let process: GuardedProcess
    private let directory: ScratchDirectory

    static func start() async throws -> PortMapper {
        guard let program = findProgram("epmd", besides: ["/usr/lib/erlang/bin", "/usr/local/lib/erlang/bin"]) else {
            throw TestBrokerError(
                "Erlang's port mapper epmd is not installed. Debian and Ubuntu: apt-get install rabbitmq-server.")
        }
        let directory = try ScratchDirectory(prefix: "switchboard-epmd")
        for _ in 0..<5 {
            let port = try LoopbackPort.free(1)[0]
            let process = try GuardedProcess(
                [program, "-port", "\(port)", "-address", "127.0.0.1"], environment: [:],
                streams: .log("\(directory.path)/log"), scratch: directory.path)
            let deadline = ContinuousClock.now + .seconds(20)
            while process.exit == nil, ContinuousClock.now < deadline {
                if !LoopbackPort.isFree(port) {
                    return PortMapper(port: port, process: process, directory: directory)
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            await process.end()
        }
        let log = directory.tail(of: "log")
        directory.remove()
        throw TestBrokerError("\(program) does not start: \(log)")
    }

    func end() async {
        await process.end()
        directory.remove()
    }
}

/// The path of a program: in `PATH`, or in one of the directories where packages put it.
func findProgram(_ name: String, besides directories: [String]) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    let candidates = directories + path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
    return candidates.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
}
