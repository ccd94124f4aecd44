import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

/// Holds whoever comes, whatever happens to their tasks, until it is opened.
final class Trap: Sendable {
    private let state = Locked((isOpen: false, held: [CheckedContinuation<Void, Never>]()))

    var count: Int { state.withLock { $0.held.count } }

    func hold() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.held.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}

@Suite("Scatter-gather", .timeLimit(.minutes(2)))
struct ScatterTests {
    /// Times that no healthy cell needs.
    private static let patient = ScatterConfiguration(cellTimeout: .seconds(30))

    @Test("All cells answer, cell0 is skipped")
    func all() async throws {
        try await Cloud.run { cloud in
            let found = try await cloud.manager.scatterGather(RequestContext(), configuration: Self.patient) {
                _, context in
                try await cloud.whereItGoes(context)
            }
            #expect(found.answers == [Cloud.cell1: "one", Cloud.cell2: "two"])
            #expect(found[.cell0] == .skipped(.cell0))
            #expect(found.isComplete)
            #expect(found.results.map(\.cell.id) == [.cell0, Cloud.cell1, Cloud.cell2])
        }
    }

    @Test("A project's cells, named cells, cells by hand, and cell0 where it is asked for")
    func scopes() async throws {
        try await Cloud.run { cloud in
            func ask(_ scope: CellScope, _ configuration: ScatterConfiguration = Self.patient) async throws
                -> GatheredCells<String>
            {
                try await cloud.manager.scatterGather(over: scope, RequestContext(), configuration: configuration) {
                    try await cloud.whereItGoes($1)
                }
            }
            let project = try await ask(.project("p"))
            #expect(project.answers == [Cloud.cell1: "one"])
            let named = try await ask(.identifiers([Cloud.cell2]))
            #expect(named.answers == [Cloud.cell2: "two"])
            let hand = CellMapping(id: .random(), transportURL: "fake://three")
            let byHand = try await ask(.cells([hand]))
            #expect(byHand.answers == [hand.id: "three"])
            var withCell0 = Self.patient
            withCell0.skipsCell0 = false
            let all = try await ask(.all, withCell0)
            #expect((all[.cell0]?.error as? RPCError)?.code == .noQueue)
            let code = try await cellErrorCode { try await ask(.identifiers([.random()])) }
            #expect(code == .unknownCell)
        }
    }

    @Test("A disabled cell is skipped unless it is asked for (Nova's D7)")
    func disabled() async throws {
        try await Cloud.run { cloud in
            try await cloud.update(Cloud.cell1, isDisabled: true)
            var configuration = Self.patient
            let without = try await cloud.manager.scatterGather(RequestContext(), configuration: configuration) {
                try await cloud.whereItGoes($1)
            }
            #expect(without[Cloud.cell1] == .skipped(.disabled))
            #expect(without.isComplete)
            configuration.includesDisabled = true
            let with = try await cloud.manager.scatterGather(RequestContext(), configuration: configuration) {
                try await cloud.whereItGoes($1)
            }
            #expect(with.answers[Cloud.cell1] == "one")
        }
    }

    @Test("A cell that cannot be aimed at, and one whose work throws, are their own outcomes")
    func errors() async throws {
        struct Odd: Error {}
        try await Cloud.run { cloud in
            let bad = CellMapping(id: .random(), name: "bad", transportURL: "nonesuch://x")
            let good = try await cloud.directory.cells().cells
            let found = try await cloud.manager.scatterGather(
                over: .cells(good + [bad]), RequestContext(), configuration: Self.patient
            ) { cell, context in
                if cell.id == Cloud.cell2 { throw Odd() }
                return try await cloud.whereItGoes(context)
            }
            #expect(found.answers == [Cloud.cell1: "one"])
            #expect((found[bad.id]?.error as? CellError)?.code == .badURL)
            #expect(found[Cloud.cell2]?.error is Odd)
            #expect(!found.isComplete)
            #expect(Set(found.missing.map(\.cell.id)) == [bad.id, Cloud.cell2])
        }
    }

    @Test("Work that ignores being cancelled holds nobody up, and its cell is skipped when too much of it gathers")
    func stuck() async throws {
        var connections = CellConnectionConfiguration()
        connections.maximumAbandoned = 2
        try await Cloud.run(configuration: connections) { cloud in
            let trap = Trap()
            defer { trap.open() }
            func gather() async throws -> GatheredCells<String> {
                try await cloud.manager.scatterGather(
                    RequestContext(), configuration: ScatterConfiguration(cellTimeout: .seconds(2))
                ) { cell, context in
                    if cell.id == Cloud.cell1 { await trap.hold() }
                    return try await cloud.whereItGoes(context)
                }
            }
            for _ in 0..<2 {
                let found = try await gather()
                #expect(found[Cloud.cell1]?.name == "didNotRespond")
                #expect(found.answers[Cloud.cell2] == "two")
            }
            try await waitUntil { trap.count == 2 }
            let skipped = try await gather()
            #expect(skipped[Cloud.cell1] == .skipped(.stuck))
            #expect(!skipped.isComplete)
            trap.open()
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.users == 0 }
            var again = try await gather()
            let end = ContinuousClock.now + .seconds(60)
            while again[Cloud.cell1] == .skipped(.stuck), .now < end { again = try await gather() }
            #expect(again.answers[Cloud.cell1] == "one")
        }
    }

    @Test("No more cells at a time than allowed, and a hung one takes one place only")
    func parallelism() async throws {
        try await Cloud.run { cloud in
            let trap = Trap()
            defer { trap.open() }
            let running = Locked((now: 0, most: 0))
            var configuration = ScatterConfiguration(cellTimeout: .seconds(30))
            configuration.maximumParallelism = 3
            let cells = (0..<40).map { _ in CellMapping(id: .random(), transportURL: "fake://three") }
            let hung = cells[0].id
            try await cloud.manager.withScatter(
                over: .cells(cells), RequestContext(), configuration: configuration
            ) { cell, _ in
                running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                defer { running.withLock { $0.now -= 1 } }
                if cell.id == hung { await trap.hold() } else { await Task.yield() }
            } collect: { results in
                var count = 0
                for await result in results {
                    #expect(result.cell.id != hung)
                    count += 1
                    if count == 39 { break }
                }
                #expect(count == 39)
            }
            #expect(running.withLock { $0.most } <= 3)
        }
    }

    @Test("When the time for all is over, cells whose turn did not come are skipped")
    func totalTime() async throws {
        try await Cloud.run { cloud in
            var configuration = ScatterConfiguration(cellTimeout: .seconds(30), timeout: .milliseconds(300))
            configuration.maximumParallelism = 1
            let found = try await cloud.manager.scatterGather(RequestContext(), configuration: configuration) { _, _ in
                try await Task.sleep(for: .seconds(60))
                return true
            }
            #expect(found[Cloud.cell1]?.name == "didNotRespond")
            #expect(found[Cloud.cell2] == .skipped(.noTimeLeft))
        }
    }

    @Test("Results come as they are there, and who has enough leaves: the rest is cancelled")
    func streaming() async throws {
        try await Cloud.run { cloud in
            let wasCancelled = Locked(false)
            let first = try await cloud.manager.withScatter(RequestContext(), configuration: Self.patient) {
                cell, context in
                if cell.id == Cloud.cell1 {
                    defer { wasCancelled.withLock { $0 = Task.isCancelled } }
                    try await Task.sleep(for: .seconds(60))
                }
                return try await cloud.whereItGoes(context)
            } collect: { results -> String? in
                for await result in results { if let value = result.outcome.value { return value } }
                return nil
            }
            #expect(first == "two")
            try await waitUntil { wasCancelled.withLock { $0 } }
        }
    }

    @Test("Who is cancelled gets no half of an answer")
    func cancelled() async throws {
        try await Cloud.run { cloud in
            let trap = Trap()
            defer { trap.open() }
            let task = Task {
                try await cloud.manager.scatterGather(RequestContext(), configuration: Self.patient) { _, _ in
                    await trap.hold()
                }
            }
            try await waitUntil { trap.count == 2 }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("A gathering that is cut short says which cells are missing")
    func cutShort() async throws {
        try await Cloud.run { cloud in
            let trap = Trap()
            defer { trap.open() }
            let task = Task {
                try await cloud.manager.withScatter(RequestContext(), configuration: Self.patient) { _, _ in
                    await trap.hold()
                } collect: { results in
                    await results.gather()
                }
            }
            try await waitUntil { trap.count == 2 }
            task.cancel()
            let found = try await task.value
            #expect(!found.isComplete)
            #expect(found.results.count == 3)
            #expect(found[Cloud.cell1]?.error is CancellationError)
            #expect(found[Cloud.cell2]?.isMissing == true)
            let rest = try await cloud.manager.withScatter(RequestContext(), configuration: Self.patient) {
                try await cloud.whereItGoes($1)
            } collect: { results in
                for await result in results where result.outcome.value != nil { break }
                return await results.gather()
            }
            #expect(rest.results.count == 3)
            #expect(rest.answers.count == 1)
            #expect(!rest.isComplete)
        }
    }

    @Test("A cell whose queue is silent costs one gathering its time, and fails at once in the next")
    func silentCell() async throws {
        var connections = CellConnectionConfiguration()
        connections.silenceLimit = .milliseconds(100)
        try await Cloud.run(configuration: connections) { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            cloud.mutes.setMuted(true, "one")
            func gather(_ timeout: Duration) async throws -> GatheredCells<String> {
                try await cloud.manager.scatterGather(
                    RequestContext(), configuration: ScatterConfiguration(cellTimeout: timeout)
                ) { try await cloud.whereItGoes($1) }
            }
            let first = try await gather(.seconds(2))
            #expect(first[Cloud.cell1]?.name == "didNotRespond")
            #expect(first.answers[Cloud.cell2] == "two")
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.silence != nil }
            let second = try await gather(.seconds(60))
            #expect((second[Cloud.cell1]?.error as? CellError)?.code == .unreachable)
            #expect(second.answers[Cloud.cell2] == "two")
        }
    }
}
