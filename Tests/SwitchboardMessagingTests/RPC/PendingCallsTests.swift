import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Calls that wait for their replies", .timeLimit(.minutes(5)))
struct PendingCallsTests {
    private func withCalls(_ body: (PendingCalls) async throws -> Void) async throws {
        let deadlines = DeadlineScheduler()
        let calls = PendingCalls(deadlines: deadlines) { _, _ in }
        let running = Task { await deadlines.run() }
        defer { running.cancel() }
        try await body(calls)
    }

    @Test("The silence of the other side begins when the call is sent, which may have taken longer than it may last")
    func silenceBeginsLate() async throws {
        try await withCalls { calls in
            let call = try calls.add(
                deadline: .now + .seconds(30), keepaliveInterval: .milliseconds(500), isSending: true)
            try await Task.sleep(for: .milliseconds(800))
            call.sent(nil)
            #expect(calls.receive(OsloReply(result: "late", ending: true, callID: call.id), id: call.id))
            #expect(try await calls.reply(to: call).result == "late")
        }
    }

    @Test("Silence after a call was sent late ends it, after the interval")
    func silence() async throws {
        try await withCalls { calls in
            let call = try calls.add(
                deadline: .now + .seconds(30), keepaliveInterval: .milliseconds(200), isSending: true)
            try await Task.sleep(for: .milliseconds(300))
            let begin = Moment.now
            call.sent(nil)
            await #expect(throws: PendingCalls.Failure.self) { try await calls.reply(to: call) }
            #expect((.milliseconds(150)...(.seconds(25))).contains(begin.duration(to: .now)))
        }
    }

    @Test("A call that was not sent by its deadline has timed out")
    func deadline() async throws {
        try await withCalls { calls in
            let deadline = Moment.now + .milliseconds(100)
            let call = try calls.add(deadline: deadline, keepaliveInterval: .milliseconds(50), isSending: true)
            try await Task.sleep(for: .milliseconds(300))
            call.sent(nil)
            await #expect(throws: PendingCalls.Failure.self) { try await calls.reply(to: call) }
        }
    }

    @Test("A call that nobody waits for any more does not keep what its connection had once that has ended")
    func nothingIsKept() async throws {
        weak var kept: PendingCalls?
        let deadlines = DeadlineScheduler()
        let running = Task { await deadlines.run() }
        func abandonOne() throws {
            let calls = PendingCalls(deadlines: deadlines) { _, _ in }
            let call = try calls.add(deadline: .now + .seconds(3600), keepaliveInterval: nil)
            calls.abandon(call)
            kept = calls
        }
        try abandonOne()
        #expect(kept != nil)
        running.cancel()
        await running.value
        #expect(kept == nil)
        try abandonOne()
        #expect(kept == nil)
    }
}
