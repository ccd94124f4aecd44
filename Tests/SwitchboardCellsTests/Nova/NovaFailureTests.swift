import InMemoryLogging
import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

/// What hurts users of Nova's cells (nova-cells.md §8), by its numbers there, each with what happens here. What is the
/// command line's, the directory's or the compute API's is tested there; the article *Coming from Nova* has the list.
@Suite("What hurts users of Nova's cells", .timeLimit(.minutes(2)))
struct NovaFailureTests {
    private func quick() -> CellConnectionConfiguration {
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(20)
        return configuration
    }

    @Test("1, 3: a thousand requests at once to a cell that nobody has used make one connection")
    func oneConnection() async throws {
        try await Cloud.run { cloud in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<1000 { group.addTask { try await cloud.ask(Cloud.inCell1) } }
                for try await answer in group { #expect(answer == "one") }
            }
            #expect(cloud.mutes.count("one") == 1)
        }
    }

    @Test("2: tasks that share a context aim copies of it, and never each other")
    func sharedContext() async throws {
        try await Cloud.run { cloud in
            let context = RequestContext(userID: "u")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    let (instance, world) =
                        number % 2 == 0 ? (Cloud.inCell1, "one") : (Cloud.inCell2, "two")
                    group.addTask {
                        let answer = try await cloud.manager.withTargetCell(forInstance: instance, context) {
                            await Task.yield()
                            return try await cloud.whereItGoes($0)
                        }
                        #expect(answer == world)
                        let own = try await cloud.whereItGoes(context)
                        #expect(own == "own")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("4, 5: a changed URL is used without a restart, also by who aims with the mapping of before")
    func changedURL() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let held = try await cloud.directory.cell(Cloud.cell1)
            _ = try await cloud.ask(Cloud.inCell1)
            try await cloud.update(Cloud.cell1, url: "fake://three")
            let fresh = try await cloud.ask(Cloud.inCell1)
            #expect(fresh == "three")
            let old = try await cloud.manager.withTargetCell(held, RequestContext()) {
                try await cloud.whereItGoes($0)
            }
            #expect(old == "three")
            try await waitUntil { cloud.manager.status().count == 1 }
        }
    }

    @Test("4: a new cell takes part in what is done in all cells at once, a deleted one no more")
    func newCell() async throws {
        try await Cloud.run { cloud in
            let new = try await cloud.directory.createCell(
                CellMapping(id: .random(), name: "new", transportURL: "fake://three"))
            func ask() async throws -> [CellID: String] {
                try await cloud.manager.scatterGather(RequestContext()) { try await cloud.whereItGoes($1) }.answers
            }
            let with = try await ask()
            #expect(with[new.id] == "three")
            try await cloud.directory.deleteCell(new.id, force: false)
            let without = try await ask()
            #expect(without[new.id] == nil)
        }
    }

    @Test("6: a password that changed makes a new connection; the old one ends with its last user")
    func rotatedPassword() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            // The in-process queue takes options; to a connection they are as good as a password: part of the URL.
            let cell = try await cloud.directory.cell(Cloud.cell1)
            try await cloud.manager.withTargetCell(cell, RequestContext()) { before in
                let old = try #require(cloud.connection(of: Cloud.cell1)?.digest)
                try await cloud.update(Cloud.cell1, url: "fake://one?queue_limit=77")
                let answer = try await cloud.ask(Cloud.inCell1)
                #expect(answer == "one")
                let new = try #require(cloud.connection(of: Cloud.cell1)?.digest)
                #expect(new != old)
                let onOld = try await cloud.whereItGoes(before)
                #expect(onOld == "one")
                #expect(cloud.manager.status().count == 2)
            }
            try await waitUntil { cloud.manager.status().count == 1 }
        }
    }

    @Test("8: a background task that aims at cells labels nobody's log lines")
    func logContext() async throws {
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        try await Cloud.run { cloud in
            // What a request and a task in the background log, while both aim at cells and both yield to each other.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (name, instance) in [("request", Cloud.inCell1), ("periodic", Cloud.inCell2)] {
                    group.addTask {
                        var own = logger
                        own[metadataKey: "request.id"] = .string(name)
                        try await withLogger(own) { _ in
                            for _ in 0..<50 {
                                let context = RequestContext(requestID: name)
                                try await cloud.manager.withTargetCell(forInstance: instance, context) { aimed in
                                    _ = try await cloud.whereItGoes(aimed)
                                    Logger.current.info("inside", metadata: ["context": .string(aimed.requestID)])
                                }
                                Logger.current.info("after", metadata: ["context": .string(context.requestID)])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(log.entries.count == 200)
        for name in ["request", "periodic"] {
            #expect(log.entries.count { $0.metadata["request.id"] == .string(name) } == 100)
        }
        for entry in log.entries { #expect(entry.metadata["request.id"] == entry.metadata["context"]) }
    }

    @Test("10, 11: a cell that is down is a typed outcome beside the answers, and says that the whole is not whole")
    func downCell() async throws {
        try await Cloud.run { cloud in
            try await cloud.update(Cloud.cell1, url: "fake://nobody-serves-here")
            let found = try await cloud.manager.scatterGather(RequestContext()) { try await cloud.whereItGoes($1) }
            #expect((found[Cloud.cell1]?.error as? RPCError)?.code == .unroutable)
            #expect(found.answers == [Cloud.cell2: "two"])
            #expect(!found.isComplete)
            #expect(found.missing.map(\.cell.name) == ["cell1"])
        }
    }

    @Test("12, P1, P3: all cells are asked at the same time: each waits for all others to have begun")
    func parallel() async throws {
        try await Cloud.run { cloud in
            let count = 50
            let cells = (0..<count).map { _ in CellMapping(id: .random(), transportURL: "fake://three") }
            let begun = Locked(0)
            let trap = Trap()
            var configuration = ScatterConfiguration(cellTimeout: .seconds(60))
            configuration.maximumParallelism = count
            let found = try await cloud.manager.scatterGather(
                over: .cells(cells), RequestContext(), configuration: configuration
            ) { _, _ in
                let isLast = begun.withLock { begun in
                    begun += 1
                    return begun == count
                }
                if isLast { trap.open() }
                await trap.hold()
            }
            #expect(found.answers.count == count)
        }
    }

    @Test("P2: a hung cell leaves all others what they were, request after request")
    func hungCell() async throws {
        var connections = CellConnectionConfiguration()
        connections.maximumAbandoned = 3
        try await Cloud.run(configuration: connections) { cloud in
            let trap = Trap()
            defer { trap.open() }
            for _ in 0..<20 {
                let found = try await cloud.manager.scatterGather(
                    RequestContext(), configuration: ScatterConfiguration(cellTimeout: .seconds(1))
                ) { cell, _ in
                    if cell.id == Cloud.cell1 {
                        await trap.hold()
                        return "late"
                    }
                    return "here"
                }
                #expect(found.answers == [Cloud.cell2: "here"])
            }
            #expect(trap.count <= 3)
        }
    }

    @Test("P4: cell0 out of order is one cell's outcome")
    func cell0() async throws {
        try await Cloud.run { cloud in
            var configuration = ScatterConfiguration()
            configuration.skipsCell0 = false
            let found = try await cloud.manager.scatterGather(RequestContext(), configuration: configuration) {
                try await cloud.whereItGoes($1)
            }
            #expect((found[.cell0]?.error as? RPCError)?.code == .noQueue)
            #expect(found.answers.count == 2)
        }
    }

    @Test("P5: work of a late cell is cancelled")
    func lateIsCancelled() async throws {
        try await Cloud.run { cloud in
            let cancelled = Locked(0)
            let found = try await cloud.manager.scatterGather(
                RequestContext(), configuration: ScatterConfiguration(cellTimeout: .milliseconds(100))
            ) { _, _ in
                do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.withLock { $0 += 1 } }
            }
            #expect(found.missing.count == 2)
            try await waitUntil { cancelled.withLock { $0 } == 2 }
        }
    }

    @Test("18: an RPC with a forgotten target goes to the process's own queue, and one with a wrong target nowhere")
    func forgotten() async throws {
        try await Cloud.run { cloud in
            let own = try await cloud.whereItGoes(RequestContext())
            #expect(own == "own")
            let cell0 = try await cloud.directory.cell(.cell0)
            let wrong = try cloud.manager.targeted(RequestContext(), at: cell0)
            let error = await #expect(throws: RPCError.self) { try await cloud.whereItGoes(wrong) }
            #expect(error?.code == .noQueue)
        }
    }

    @Test("24: an error of a cell comes whole to who asked")
    func wholeErrors() async throws {
        struct Reason: Error, Equatable { let text: String }
        try await Cloud.run { cloud in
            let found = try await cloud.manager.scatterGather(RequestContext()) { cell, _ -> Int in
                throw Reason(text: "\(cell.identity)")
            }
            for result in found.missing {
                #expect(result.outcome.error as? Reason == Reason(text: "\(result.cell.identity)"))
            }
            #expect(found.missing.count == 2)
        }
    }

    @Test("25: a disabled cell is out of use at once, without a signal to anybody")
    func disabledAtOnce() async throws {
        try await Cloud.run { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            try await cloud.update(Cloud.cell1, isDisabled: true)
            let code = try await cellErrorCode { try await cloud.ask(Cloud.inCell1) }
            #expect(code == .disabledCell)
        }
    }

    @Test(
        "27: a call to a dead queue ends with its deadline, a cast to nobody is an error, and neither waits for others")
    func deadQueue() async throws {
        try await Cloud.run { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            cloud.mutes.setMuted(true, "one")
            let call = await #expect(throws: RPCError.self) {
                try await cloud.ask(Cloud.inCell1, timeout: .milliseconds(200))
            }
            #expect(call?.code == .indeterminate)
            #expect(call?.message.contains("cell1") == true)
            let cast = await #expect(throws: RPCError.self) {
                try await cloud.manager.withTargetCell(forInstance: Cloud.inCell2, RequestContext()) { context in
                    try await cloud.client.cast("x", to: "nobody", context: context)
                }
            }
            #expect(cast?.code == .unroutable)
        }
    }
}
