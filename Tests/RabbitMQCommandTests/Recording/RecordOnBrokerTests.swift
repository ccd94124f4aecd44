#if RabbitMQ && TLS
    import Foundation
    import Switchboard
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    @testable import SwitchboardCommand
    @testable import SwitchboardRabbitMQ

    @Suite("Record and replay, on RabbitMQ", .timeLimit(.minutes(5)))
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
                return try await withRPCServer(
                    queue, topic: Examination.topic, name: "host1", router: router, logger: quietLogger
                ) { try await body(queue) }
            }
        }

        /// Calls while everything that passes is recorded.
        private func record(_ count: Int, on bed: Bed, to path: String) async throws -> Recorder.Progress {
            let recorder = Recorder(to: path, redaction: TapRedaction())
            let hasBegun = Locked(false)
            _ = try await bed.broker.evaluate("rabbit_trace:start(<<\"\(bed.name)\">>), <<\"done\">>.")
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
                    defer { group.cancelAll() }
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
                }
            }
            _ = try await bed.broker.evaluate("rabbit_trace:stop(<<\"\(bed.name)\">>), <<\"done\">>.")
            return recorder.progress
        }

        @Test("Calls are recorded with their answers, without a secret, and replayed to another bus in their order")
        func recordAndReplay() async throws {
            let folder = NSTemporaryDirectory() + "switchboard-recording-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let path = folder + "/recording"
            let progress = try await Bed.with { bed in try await record(40, on: bed, to: path) }
            #expect(progress.missed == 0 && progress.gaps == 0 && progress.unreadable == 0)

            var bytes = Data()
            for file in FileManager.default.enumerator(atPath: path)?.compactMap({ $0 as? String }) ?? [] {
                bytes += FileManager.default.contents(atPath: "\(path)/\(file)") ?? Data()
            }
            for canary in ["canary-of-result", "canary-of-context", "canary-of-arguments"] {
                let isThere = bytes.firstRange(of: Data(canary.utf8)) != nil
                #expect(!isThere, "\(canary)")
            }

            var reader = try RecordingReader(path)
            defer { reader.close() }
            var numbers: [Int64] = []
            while let message = try reader.next() {
                guard case .request(let request) = PassingMessage(message.message), request.method == "add" else {
                    continue
                }
                numbers.append(request.arguments["n"]?.integer ?? -1)
            }
            #expect(numbers == Array(0..<40))

            let report = try await Bed.with { bed in
                try await adding(bed, wrong: 7) { _ in
                    var replay = Replay(path: path)
                    replay.speed = nil
                    replay.compares = true
                    replay.allowed = [GlobPattern("add")].compactMap(\.self)
                    let transport = try Transport(
                        bed.url().leavingNothing, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                    return try await withRunning(transport) { [replay] in
                        try await replay.run(through: .init(transport: transport, mailbox: transport.makeMailbox()))
                    }
                }
            }
            #expect(report.sent == 40 && report.answered == 40 && report.compared == 40, "\(report.lines(limit: 9))")
            #expect(report.equal == 39 && report.differing == 1 && report.failed == 0 && report.unanswered == 0)
            let difference = try #require(report.differences.first)
            #expect(difference.path == "$.sum" && difference.recorded == "8" && difference.found == "-1")
        }
    }
#endif
