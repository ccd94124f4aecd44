import Testing

@testable import SwitchboardMessaging

@Suite("The life cycle of a service")
struct ServiceLifeCycleTests {
    private let start = ContinuousClock.now

    @Test("Messages are handled, then wait for their subscription to end, then go back and are counted")
    func stages() {
        var life = ServiceLifeCycle(at: start)
        life.serve(at: start + .seconds(1))
        let first = life.verdict(on: 0)
        #expect(first == .handle && !life.isStopping)
        life.workFinished()
        life.stop(at: start + .seconds(2))
        let second = life.verdict(on: 0)
        #expect(second == .wait && life.isStopping)
        life.workFinished()
        life.subscriptionEnded(0, at: start + .seconds(3))
        let verdicts = [life.verdict(on: 0), life.verdict(on: 1)]
        #expect(verdicts == [.giveBack, .wait])
        #expect(life.report == nil && life.since == start + .seconds(2))
        life.end(reason: nil, at: start + .seconds(4))
        // Only what finished after it began to stop is of the drain.
        #expect(life.report == RPCDrainReport(finished: 1, requeued: 1))
        let last = life.verdict(on: 1)
        #expect(last == .giveBack && life.since == start + .seconds(4))
    }

    @Test("A subscription that ends begins to stop the service, and stopping again changes nothing")
    func ending() {
        var life = ServiceLifeCycle(at: start)
        life.subscriptionEnded(2, at: start + .seconds(1))
        life.stop(at: start + .seconds(2))
        life.serve(at: start + .seconds(3))
        let verdicts = [life.verdict(on: 2), life.verdict(on: 0)]
        #expect(life.isStopping && verdicts == [.giveBack, .wait] && life.since == start + .seconds(1))
    }

    @Test("A service that has ended stays ended, with its first reason")
    func ended() {
        var life = ServiceLifeCycle(at: start)
        life.end(reason: "refused", at: start + .seconds(1))
        life.end(reason: nil, at: start + .seconds(2))
        life.serve(at: start + .seconds(2))
        life.subscriptionEnded(0, at: start + .seconds(2))
        guard case .ended(reason: "refused") = life.phase else {
            Issue.record("It is \(life.phase).")
            return
        }
        let verdict = life.verdict(on: 0)
        #expect(verdict == .giveBack && life.since == start + .seconds(1))
    }
}
