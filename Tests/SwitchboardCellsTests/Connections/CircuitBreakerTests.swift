import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCells

@Suite("Cells that do not answer", .timeLimit(.minutes(2)))
struct CircuitBreakerTests {
    private let now = ContinuousClock.now

    @Test("An unanswered send that had its time silences at once, a short one makes a suspect first")
    func transitions() {
        var breaker = CircuitBreaker()
        #expect(breaker.failed("a", isCertain: false, now: now) == .suspected)
        #expect(breaker.phase == .suspect)
        #expect(breaker.failed("b", isCertain: false, now: now) == nil)
        #expect(breaker.failed("c", isCertain: true, now: now) == .silenced)
        #expect(breaker.phase == .silent(.init(since: now, reason: "c")))
        #expect(breaker.failed("d", isCertain: true, now: now + .seconds(1)) == nil)
        #expect(breaker.phase == .silent(.init(since: now, reason: "d")))
        #expect(breaker.succeeded() == .answersAgain)
        #expect(breaker.succeeded() == nil)
        #expect(breaker.failed("e", isCertain: true, now: now) == .silenced)
    }

    @Test("A suspect that answers was never away")
    func acquitted() {
        var breaker = CircuitBreaker()
        _ = breaker.failed("a", isCertain: false, now: now)
        #expect(breaker.succeeded() == nil)
        #expect(breaker.phase == .answering)
    }

    private func quick() -> CellConnectionConfiguration {
        var configuration = CellConnectionConfiguration()
        configuration.silenceLimit = .milliseconds(50)
        configuration.refreshInterval = .milliseconds(20)
        return configuration
    }

    @Test("A cell that does not answer costs its first user the deadline; the next fail at once, until it is back")
    func failsFast() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let first = try await cloud.ask(Cloud.inCell1)
            #expect(first == "one")
            cloud.mutes.setMuted(true, "one")
            let paid = await #expect(throws: RPCError.self) {
                try await cloud.ask(Cloud.inCell1, timeout: .milliseconds(300))
            }
            #expect(paid?.code == .indeterminate)
            for _ in 0..<50 {
                // Their deadline is half a minute, and the test's limit two.
                let error = await #expect(throws: CellError.self) { try await cloud.ask(Cloud.inCell1) }
                #expect(error?.code == .unreachable)
                #expect(error?.message.contains("cell1") == true)
            }
            let connection = try #require(cloud.connection(of: Cloud.cell1))
            #expect(connection.silence != nil)
            #expect(connection.lastTrouble != nil)
            let other = try await cloud.ask(Cloud.inCell2)
            #expect(other == "two")
            cloud.mutes.setMuted(false, "one")
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.silence == nil }
            let again = try await cloud.ask(Cloud.inCell1)
            #expect(again == "one")
            #expect(cloud.connection(of: Cloud.cell1)?.lastTrouble != nil)
        }
    }

    @Test("Who is aimed already is spared the wait as well")
    func heldContext() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let cell = try await cloud.directory.cell(Cloud.cell1)
            try await cloud.manager.withTargetCell(cell, RequestContext()) { context in
                _ = try await cloud.whereItGoes(context)
                cloud.mutes.setMuted(true, "one")
                _ = try? await cloud.whereItGoes(context, timeout: .milliseconds(300))
                let error = await #expect(throws: RPCError.self) { try await cloud.whereItGoes(context) }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("has not answered") == true)
                let cast = await #expect(throws: RPCError.self) { try await cloud.client.cast("x", context: context) }
                #expect(cast?.code == .unavailable)
            }
        }
    }

    @Test("A user who gives up early makes nobody else fail, and has the queue probed")
    func suspect() async throws {
        var configuration = quick()
        configuration.silenceLimit = .seconds(2)
        try await Cloud.run(configuration: configuration) { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            cloud.mutes.setMuted(true, "one")
            let error = await #expect(throws: RPCError.self) {
                try await cloud.ask(Cloud.inCell1, timeout: .milliseconds(20))
            }
            #expect(error?.code == .indeterminate)
            // The probe is under way: one attempt of the user, one of the probe.
            try await waitUntil { cloud.mutes.attempts("one") >= 2 }
            cloud.mutes.setMuted(false, "one")
            // On a machine that is very slow the probe may have been late.
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.silence == nil }
            let answer = try await cloud.ask(Cloud.inCell1)
            #expect(answer == "one")
        }
    }

    @Test("A slow handler is no silence of the queue")
    func slowHandler() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let error = await #expect(throws: RPCError.self) {
                try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { context in
                    try await cloud.client.call("wait", context: context, timeout: .milliseconds(300))
                }
            }
            #expect(error?.code == .timeout)
            #expect(cloud.connection(of: Cloud.cell1)?.silence == nil)
            let answer = try await cloud.ask(Cloud.inCell1)
            #expect(answer == "one")
        }
    }

    @Test("A connection without a connection for long is silent before anybody has waited for it")
    func disconnected() async throws {
        var configuration = quick()
        configuration.disconnectionLimit = .milliseconds(100)
        try await Cloud.run(configuration: configuration) { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            cloud.mutes.setMuted(true, "one")
            cloud.mutes.cut("one", reason: "connection refused")
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.silence != nil }
            let code = try await cellErrorCode { try await cloud.ask(Cloud.inCell1) }
            #expect(code == .unreachable)
            #expect(cloud.connection(of: Cloud.cell1)?.lastTrouble?.message.contains("connection refused") == true)
            cloud.mutes.mend()
            cloud.mutes.setMuted(false, "one")
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.silence == nil }
        }
    }
}
