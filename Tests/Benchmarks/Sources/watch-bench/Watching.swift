#if RabbitMQ
    import Foundation
    import SwitchboardMessaging

    struct BenchFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// `switchboard` in a folder of its own, and its watch.
    final class Watching {
        let program: String
        private let folder: String
        private var watch: Process?
        private var reader: FileHandle?
        private var rest: [UInt8] = []

        init(program: String) throws {
            self.program = program
            folder = NSTemporaryDirectory() + "switchboard-watch-bench-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }

        private func process(_ arguments: [String]) -> Process {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            process.environment = ["SWITCHBOARD_DATABASE": folder + "/cells.sqlite"]
            return process
        }

        /// Runs a command to its end. The input is small.
        func run(_ arguments: String..., input: String = "") throws {
            let process = process(arguments)
            let (pipe, output) = (Pipe(), FileHandle.nullDevice)
            process.standardInput = pipe
            process.standardOutput = output
            try process.run()
            pipe.fileHandleForWriting.write(Data(input.utf8))
            try pipe.fileHandleForWriting.close()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw BenchFailure(
                    description: "switchboard \(arguments.prefix(2).joined(separator: " ")) ended with "
                        + "\(process.terminationStatus).")
            }
        }

        func start(_ arguments: [String]) throws {
            let path = folder + "/events"
            guard FileManager.default.createFile(atPath: path, contents: nil) else {
                throw BenchFailure(description: "\(path) cannot be made.")
            }
            let process = process(["watch", "--json"] + arguments)
            process.standardOutput = FileHandle(forWritingAtPath: path)
            reader = FileHandle(forReadingAtPath: path)
            try process.run()
            watch = process
        }

        var processID: Int32 { watch?.processIdentifier ?? 0 }

        /// The events until the end of the next sweep, which is the last.
        func nextSweep(within limit: Duration) async throws -> [JSONValue] {
            let deadline = ContinuousClock.now + limit
            var events: [JSONValue] = []
            while true {
                while let end = rest.firstIndex(of: 10) {
                    let event = try JSONValue(parsing: Array(rest[..<end]))
                    rest.removeSubrange(...end)
                    events.append(event)
                    if event["event"] == "sweep" { return events }
                }
                guard let watch, watch.isRunning, ContinuousClock.now < deadline else {
                    throw BenchFailure(description: "The watch told of no sweep within \(limit).")
                }
                rest += reader?.availableData ?? Data()
                try await Task.sleep(for: .milliseconds(50))
            }
        }

        func end() {
            if let watch, watch.isRunning {
                watch.terminate()
                watch.waitUntilExit()
            }
            try? FileManager.default.removeItem(atPath: folder)
        }
    }
#endif
