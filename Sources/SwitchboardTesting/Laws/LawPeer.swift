#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import Logging
public import SwitchboardCore

/// The other process of the laws about processes: a program that does what an ``OtherProcessTask`` says.
///
/// The program is three lines over the driver's registry:
///
///     @main struct Peer {
///         static func main() async { await LawPeer.run(drivers: DriverRegistry(.mine())) }
///     }
///
/// and the harness says where it is: `world.inOtherProcess = LawPeer(executable: path, url: url).perform`. URL and task
/// go to it by its standard input, as what a command line holds everybody can read.
public struct LawPeer: Sendable {
    private let command: [String]
    private let url: TransportURL
    private let patience: Duration

    /// Creates a peer.
    ///
    /// - Parameters:
    ///   - executable: the program's path.
    ///   - arguments: its arguments, for a program that has other uses too.
    ///   - url: the URL of the world.
    ///   - patience: how long a task may take.
    public init(executable: String, arguments: [String] = [], url: TransportURL, patience: Duration = .seconds(20)) {
        command = [executable] + arguments
        self.url = url
        self.patience = patience
    }

    /// Starts the program, has it do the task, and returns when it is gone.
    public func perform(_ task: OtherProcessTask) async throws {
        let process = try GuardedProcess(
            command, environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"], streams: .connected(errors: "/dev/null")
        )
        defer { close(process.output) }
        let order = ([url.formatted(revealingSecrets: true)] + task.lines).joined(separator: "\n") + "\n"
        let isSent = Self.write(order, to: process.input)
        close(process.input)
        let answer = isSent ? await Self.readLine(from: process.output, within: patience) : nil
        // It has said that it is done, or it hangs: either way it dies now, as a crashed consumer would.
        await process.end()
        guard answer == Self.done else {
            throw TestBrokerError("The peer \(command[0]) did not do \(task): \(answer ?? "it said nothing").")
        }
    }

    private static let done = "done"

    /// What the program does: reads its task, does it, says so, and waits for its end.
    ///
    /// Ends by itself after 60 seconds, whatever happens.
    public static func run(drivers: DriverRegistry) async {
        alarm(60)
        do {
            let lines = readAll().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            guard let first = lines.first, let task = OtherProcessTask(lines: lines.dropFirst().dropLast()) else {
                throw TestBrokerError("no URL and task on standard input")
            }
            let transport = try Transport(
                TransportURL(first), drivers: drivers,
                logger: Logger(label: "law-peer") { _ in SwiftLogNoOpLogHandler() })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await transport.run() }
                group.addTask { try await perform(task, on: transport) }
                try await group.next()
                group.cancelAll()
            }
        } catch {
            say("error: \(error)")
        }
    }

    private static func perform(_ task: OtherProcessTask, on transport: Transport) async throws {
        switch task {
        case .publish(let bodies, let address):
            for body in bodies { try await transport.publish(Message(body: body), to: address) }
            say(done)
        case .takeAndVanish(let address):
            let options = SubscriptionOptions(prefetch: 1)
            try await transport.withSubscription(to: address, options: options) { deliveries in
                for try await _ in deliveries { say(done) }
            }
        }
    }

    private static func say(_ line: String) {
        _ = write(line.replacing("\n", with: " ") + "\n", to: 1)
    }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // Both ends are sockets; a peer that has died must not end this process by a signal.
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func readAll() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(0, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    private static func readLine(from descriptor: Int32, within limit: Duration) async -> String? {
        let deadline = ContinuousClock.now + limit
        var bytes: [UInt8] = []
        while ContinuousClock.now < deadline {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
            if count == 1 {
                if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
                bytes.append(byte)
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                await pauseUncancelled(.milliseconds(2))
            } else {
                break
            }
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
