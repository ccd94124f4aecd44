import Foundation

/// A program that is asked for something: its output, within bounds of time and size.
struct HelperProgram {
    enum End {
        case status(Int32)
        case tookTooLong
        case notStarted(String)
    }

    var output: [UInt8] = []
    var errors: [UInt8] = []
    var end: End

    /// Runs a program without a shell, with nothing on its standard input, and waits for its end. One that takes too long is
    /// ended. What it prints beyond the maximum is dropped.
    static func run(_ words: [String], limit: Duration, maximumOutput: Int) throws -> HelperProgram {
        let process = Process()
        // It looks in PATH, as a shell does.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["--"] + words
        let output = Pipe()
        let errors = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do { try process.run() } catch { return HelperProgram(end: .notStarted(error.localizedDescription)) }
        let deadline = ContinuousClock.now + limit
        var result = HelperProgram(end: .tookTooLong)
        let isComplete = result.collect(output, errors, until: deadline, maximumOutput)
        if isComplete, ended.wait(timeout: .now() + .milliseconds(milliseconds(until: deadline))) == .success {
            result.end =
                process.terminationReason == .exit
                ? .status(process.terminationStatus) : .status(128 + process.terminationStatus)
            return result
        }
        process.terminate()
        if ended.wait(timeout: .now() + .seconds(1)) != .success {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        return result
    }

    /// Reads both until they end. Returns whether they did in time.
    private mutating func collect(
        _ output: Pipe, _ errors: Pipe, until deadline: ContinuousClock.Instant, _ maximum: Int
    ) -> Bool {
        let pipes = [output, errors].map { $0.fileHandleForReading.fileDescriptor }
        var isOpen = [true, true]
        var block = [UInt8](repeating: 0, count: 4096)
        while isOpen.contains(true) {
            var wanted = zip(pipes, isOpen).map { pollfd(fd: $1 ? $0 : -1, events: Int16(POLLIN), revents: 0) }
            let left = Self.milliseconds(until: deadline)
            guard left > 0 else { return false }
            guard poll(&wanted, 2, CInt(left)) > 0 else { continue }
            for index in 0..<2 where isOpen[index] && wanted[index].revents != 0 {
                let count = block.withUnsafeMutableBytes { read(pipes[index], $0.baseAddress, $0.count) }
                if count <= 0 {
                    isOpen[index] = count < 0 && errno == EINTR
                } else if index == 0 {
                    self.output += block[..<min(count, maximum + 1 - self.output.count)]
                } else {
                    self.errors += block[..<min(count, 65_536 - self.errors.count)]
                }
            }
        }
        return true
    }

    private static func milliseconds(until deadline: ContinuousClock.Instant) -> Int {
        max(0, Int((deadline - .now) / .milliseconds(1)))
    }
}
