#if RabbitMQ && TLS
import Foundation
import Switchboard
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

// Among the taps, as one of these turns the firehose on.
extension Taps {
    @Suite("Record and replay", .timeLimit(.minutes(5)))
    struct RecordOnBrokerTests {
        /// Serves Examination's topic, and adds; `wrong` is a number whose sum is another.
        private func adding<Result: Sendable>(
            _ bed: Bed, wrong: Int64? = nil, _ body: (MessageQueueConnection) async throws -> Result
        ) async throws -> Result {
            try await withMessageQueue(bed.url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger) { queue in
                var router = RPCRouter()
                router.register("add") { arguments, _ in
                    let number = arguments["n"]?.integer ?? 0
                    return ["sum": .integer(number == wrong ? -1 : number + 1), "token": "canary-of-result"]
                }
                for method in ["count", "noise"] { router.register(method) { _, _ in .null } }
                return try await withRPCServer(
                    queue, topic: Examination.topic, name: "host1", router: router, logger: quietLogger
                ) { try await body(queue) }
            }
        }

        /// Calls while everything that passes is recorded.
        private func record(_ count: Int, on bed: Bed, to path: String) async throws -> RecordingProgress {
            let recorder = Recorder(to: path, redaction: TapRedaction())
            let hasBegun = Locked(false)
            try await bed.trace(true)
            try await adding(bed) { queue in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await recorder.recording {
                            try await TapSource(bed.url(), TapWishes()).run { event in
                                if case .began(let coverage) = event {
                                    #expect(coverage.replies == .firehose)
                                    hasBegun.withLock { $0 = true }
                                }
                                try await recorder.take(event)
                            }
                        }
                    }
                    try await bed.waits { hasBegun.withLock { $0 } }
                    let client = RPCClient(queue, target: RPCTarget(Examination.topic), timeout: .seconds(60))
                    var context = RequestContext()
                    context.authToken = "canary-of-context"
                    for number in 0..<count {
                        let reply = try await client.call(
                            "add", ["n": .integer(Int64(number)), "admin_password": "canary-of-arguments"],
                            context: context)
                        #expect(reply["sum"]?.integer == Int64(number + 1))
                    }
                    // Requests and answers.
                    try await bed.waits { recorder.progress.recorded >= 2 * count }
                    group.cancelAll()
                    while let result = await group.nextResult() {
                        if case .failure(let error) = result, !(error is CancellationError) { throw error }
                    }
                }
            }
            try await bed.trace(false)
            return recorder.progress
        }

        @Test("Calls are recorded with their answers, without a secret, and replayed to another bus in their order")
        func recordAndReplay() async throws {
            let directory = try ScratchDirectory(prefix: "switchboard-recording")
            defer { directory.remove() }
            let path = directory.path + "/recording"
            let progress = try await Bed.with { bed in try await record(40, on: bed, to: path) }
            #expect(progress.isWhole, "\(progress.lacks)")

            var bytes = Data()
            for file in FileManager.default.enumerator(atPath: path)?.compactMap({ $0 as? String }) ?? [] {
                bytes += FileManager.default.contents(atPath: "\(path)/\(file)") ?? Data()
            }
            #expect(bytes.firstRange(of: Data("canary".utf8)) == nil)
            #expect(bytes.firstRange(of: Data("add".utf8)) != nil)
            #expect(try content(of: path, method: "add").numbers == Array(0..<40))

            let report = try await Bed.with { bed in
                try await adding(bed, wrong: 7) { _ in
                    var replay = Replay(path: path)
                    replay.speed = nil
                    replay.allowed = [GlobPattern("add")].compactMap(\.self)
                    let transport = try Transport(
                        bed.url().leavingNothing, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                    let ledger = ReplayLedger()
                    return try await withRunning(transport) { [replay] in
                        try await replay.run(through: .init(transport), into: ledger)
                        return ledger.report
                    }
                }
            }
            #expect(report.sent == 40 && report.answered == 40 && report.compared == 40, "\(report.lines(limit: 9))")
            #expect(
                report.equal == 39 && report.differing == 1 && report.failed == 0 && report.unanswered == 0,
                "\(report.lines(limit: 9))")
            let difference = try #require(report.differences.first)
            #expect(difference.path == "$.sum" && difference.recorded == "8" && difference.found == "-1")
        }

        /// The argument `n` of each request of a method, in the recording's order, and how many messages there are in all.
        private func content(of path: String, method: String) throws -> (numbers: [Int64], total: Int) {
            var reader = try RecordingReader(path)
            defer { reader.close() }
            var numbers: [Int64] = []
            while let message = try reader.next() {
                guard case .request(let request) = PassingMessage(message.message), request.method == method else {
                    continue
                }
                numbers.append(request.arguments["n"]?.integer ?? -1)
            }
            #expect(reader.damaged == 0)
            return (numbers, reader.position)
        }

        @Test("An exchange that isn't there leaves no recording, and a recording isn't sent to the bus that it is from")
        func refusals() async throws {
            let directory = try ScratchDirectory(prefix: "switchboard-recording")
            defer { directory.remove() }
            let path = directory.path + "/recording"
            try await Bed.with { bed in
                let url = bed.url().formatted(revealingSecrets: true)
                let missing = try RunningCommand(
                    ["record", "--transport-url", url, "--exchange", "nowhere", "--to", path])
                #expect(await missing.end() == .code(2), "\(missing.text)")
                #expect(!FileManager.default.fileExists(atPath: path))
                try await adding(bed) { queue in
                    let running = try RunningCommand([
                        "record", "--transport-url", url, "--exchange", "nova", "--to", path, "--count", "1",
                    ])
                    try await running.waits(for: "recording the queue")
                    try await RPCClient(queue, target: RPCTarget(Examination.topic)).cast("count", ["n": 1])
                    #expect(await running.end() == .code(0), "\(running.text)")
                    let same = try RunningCommand(["replay", path, "--transport-url", url, "--yes"])
                    #expect(await same.end() == .code(2))
                    #expect(same.text.contains("from this bus") && same.text.contains("--same-bus"), "\(same.text)")
                    let agreed = try RunningCommand([
                        "replay", path, "--transport-url", url, "--yes", "--same-bus", "--answers", "ignore",
                    ])
                    #expect(await agreed.end() == .code(0), "\(agreed.text)")
                }
            }
        }

        @Test(
            "Ended by a signal at any moment under load, the command ends well, and all that it says it wrote is there")
        func signals() async throws {
            let directory = try ScratchDirectory(prefix: "switchboard-recording")
            defer { directory.remove() }
            try await Bed.with { bed in
                try await adding(bed) { queue in
                    let client = RPCClient(queue, target: RPCTarget(Examination.topic))
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for method in ["count", "noise", "noise", "noise", "noise"] {
                            group.addTask {
                                var number: Int64 = 0
                                while !Task.isCancelled {
                                    try await client.cast(method, ["n": .integer(number)])
                                    number += 1
                                }
                            }
                        }
                        for round in 0..<4 {
                            let path = "\(directory.path)/\(round)"
                            let running = try RunningCommand([
                                "record", "--transport-url", bed.url().formatted(revealingSecrets: true), "--exchange",
                                "nova", "--to", path, "--json",
                            ])
                            try await running.waits(for: "recording the queue")
                            try await Task.sleep(for: .microseconds(Int.random(in: 0...300_000)))
                            running.process.signal(round % 2 == 0 ? SIGINT : SIGTERM)
                            #expect(await running.end() == .code(0), "\(running.text)")
                            let said = try #require(running.objects.last?["recorded"]?.integer, "\(running.text)")
                            let (numbers, total) = try content(of: path, method: "count")
                            #expect(total == Int(said))
                            let first = numbers.first ?? 0
                            #expect(numbers == Array(first..<(first + Int64(numbers.count))))
                        }
                        group.cancelAll()
                        while await group.nextResult() != nil {}
                    }
                }
            }
        }
    }
}
#endif
