import Testing

@testable import SwitchboardMessaging

@Suite("The drain of a server")
struct RPCServerDrainTests {
    @Test("Requests are handled, then wait for their subscription to end, then go back and are counted")
    func stages() {
        var drain = RPCServerDrain()
        let first = drain.verdict(on: 0)
        #expect(first == .handle && !drain.hasBegun)
        drain.handlerFinished()
        drain.begin()
        let second = drain.verdict(on: 0)
        #expect(second == .wait && drain.hasBegun)
        drain.handlerFinished()
        drain.end(0)
        let verdicts = [drain.verdict(on: 0), drain.verdict(on: 1)]
        #expect(verdicts == [.giveBack, .wait])
        #expect(drain.report == nil)
        let report = drain.close()
        // Only what finished after the beginning is of the drain.
        #expect(report.finished == 1 && report.requeued == 1)
        #expect(drain.report?.finished == 1)
        let last = drain.verdict(on: 1)
        #expect(last == .giveBack)
    }

    @Test("A subscription that ends begins the drain, and beginning again changes nothing")
    func ending() {
        var drain = RPCServerDrain()
        drain.end(2)
        drain.begin()
        let verdicts = [drain.verdict(on: 2), drain.verdict(on: 0)]
        #expect(drain.hasBegun && verdicts == [.giveBack, .wait])
    }
}
