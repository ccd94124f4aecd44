#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import SwitchboardTesting
import Testing

@Suite("Guarded processes", .timeLimit(.minutes(5)))
struct GuardedProcessTests {
    @Test("A process ends with its code or its signal")
    func exits() async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-test")
        defer { directory.remove() }
        let log = "\(directory.path)/log"
        let coded = try GuardedProcess(["/bin/sh", "-c", "echo hello; exit 3"], environment: [:], streams: .log(log))
        #expect(await coded.waitForExit(within: .seconds(60)) == .code(3))
        #expect(directory.tail(of: "log") == "hello\n")
        let sleeper = try GuardedProcess(["/bin/sleep", "60"], environment: [:], streams: .log(log))
        #expect(sleeper.exit == nil)
        await sleeper.end()
        #expect(sleeper.exit == .signal(SIGKILL))
        #expect(processState(sleeper.processID) == nil)
    }

    @Test("A paused process is stopped when that returns, and can go on")
    func pausing() async throws {
        let process = try GuardedProcess(
            ["/bin/sh", "-c", "while :; do :; done"], environment: [:], streams: .log("/dev/null"))
        for _ in 0..<20 {
            process.pause()
            #expect(processState(process.processID) == "T")
            process.signal(SIGCONT)
        }
        await process.end()
        // Of one that has ended there is nothing to wait for.
        process.pause()
    }

    @Test("A process gets its input and environment, and its output arrives")
    func streams() async throws {
        let process = try GuardedProcess(
            ["/bin/sh", "-c", "read -r line; echo \"$WORD $line\"; echo gone >&2"], environment: ["WORD": "hello"],
            streams: .connected(errors: "/dev/null"))
        #expect(send(process.input, "world\n", 6, Int32(MSG_NOSIGNAL)) == 6)
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 64)
        while case let count = read(process.output, &buffer, 64), count > 0 {
            text += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        close(process.input)
        close(process.output)
        #expect(text == "hello world\n")
        #expect(await process.waitForExit(within: .seconds(60)) == .code(0))
    }

    @Test("A process whose owner is gone is killed, and its directory removed")
    func orphan() async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-test")
        try directory.create("file", "text")
        var process: GuardedProcess? = try GuardedProcess(
            ["/bin/sleep", "60"], environment: [:], streams: .log("/dev/null"), scratch: directory.path)
        let id = try #require(process?.processID)
        #expect(processState(id) != nil)
        process = nil
        try await waitUntil("killed") { processState(id) == nil }
        try await waitUntil("removed") { access(directory.path, F_OK) != 0 }
    }

    @Test("A process holds no descriptor of its owner's open, also one that is not close-on-exec")
    func descriptors() async throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let process = try GuardedProcess(["/bin/sleep", "60"], environment: [:], streams: .log("/dev/null"))
        close(ends[1])
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 0)
        await process.end()
    }

    @Test("A program that does not exist ends with code 127")
    func missing() async throws {
        let process = try GuardedProcess(["/nonexistent/program"], environment: [:], streams: .log("/dev/null"))
        #expect(await process.waitForExit(within: .seconds(60)) == .code(127))
    }
}
