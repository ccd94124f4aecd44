import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("What is known of duplicates")
struct DuplicateLedgerTests {
    private let ledger = DuplicateLedger<Int>(capacity: 4, lifetime: .seconds(60))

    private func name(_ verdict: DuplicateLedger<Int>.Verdict) -> String {
        switch verdict {
        case .new: "new"
        case .duplicate: "duplicate"
        case .held(let instead): "held instead of \(instead.map(String.init) ?? "none")"
        }
    }

    @Test("Copies of what is at work are held, and shared out when it is done")
    func done() {
        #expect(name(ledger.begin("a", 0)) == "new")
        #expect(name(ledger.begin("a", 1)) == "held instead of none")
        #expect(name(ledger.begin("b", 5)) == "new")
        #expect(ledger.finish("a") == [1])
        #expect(name(ledger.begin("a", 2)) == "duplicate")
        // Whoever ends it a second time has nothing to settle.
        #expect(ledger.finish("a").isEmpty && ledger.forget("b").isEmpty)
        #expect(name(ledger.begin("b", 6)) == "new")
    }

    @Test("What is not done goes to the next copy, and is new again after the last")
    func handOver() {
        #expect(name(ledger.begin("a", 0)) == "new")
        #expect(name(ledger.begin("a", 1)) == "held instead of none")
        #expect(ledger.handOver("a") == 1)
        #expect(name(ledger.begin("a", 2)) == "held instead of none")
        #expect(ledger.handOver("a") == 2)
        #expect(ledger.handOver("a") == nil)
        #expect(name(ledger.begin("a", 3)) == "new")
    }

    @Test("What is forgotten is new when it comes again, done or not")
    func forget() {
        #expect(ledger.beginDone("a") && !ledger.beginDone("a"))
        #expect(ledger.forget("a").isEmpty)
        #expect(ledger.beginDone("a"))
        #expect(name(ledger.begin("b", 0)) == "new")
        #expect(name(ledger.begin("b", 1)) == "held instead of none")
        #expect(ledger.forget("b") == [1])
        #expect(name(ledger.begin("b", 2)) == "new")
    }

    @Test("The newest copies are held")
    func bounded() {
        #expect(name(ledger.begin("a", 0)) == "new")
        let held = (1...20).map { name(ledger.begin("a", $0)) }
        #expect(held.prefix(8).allSatisfy { $0 == "held instead of none" })
        #expect(held.suffix(12) == (1...12).map { "held instead of \($0)" })
        #expect(ledger.finish("a") == Array(13...20))
    }

    @Test("Ids are remembered in number and age, and removing one makes no room for others to be forgotten early")
    func recent() {
        var recent = RecentIDs(capacity: 3, lifetime: .seconds(10))
        let start = Moment.now
        let keys = (0..<5).map { IDFingerprint("id\($0)") }
        func insert(_ key: IDFingerprint, _ seconds: Int) -> Bool { recent.insert(key, at: start + .seconds(seconds)) }
        let again = [insert(keys[0], 0), insert(keys[0], 9)]
        #expect(again == [true, false])
        #expect(
            recent.contains(keys[0], at: start + .seconds(9)) && !recent.contains(keys[0], at: start + .seconds(10)))
        // After its time it is new.
        let late = insert(keys[0], 10)
        #expect(late)
        for _ in 0..<2 {
            let isNew = insert(keys[1], 11)
            #expect(isNew)
            recent.remove(keys[1])
        }
        #expect(recent.contains(keys[0], at: start + .seconds(12)))
        let others = keys[2...].map { insert($0, 12) }
        #expect(others == [true, true, true])
        #expect(!recent.contains(keys[0], at: start + .seconds(12)))
        #expect(keys[2...].allSatisfy { recent.contains($0, at: start + .seconds(12)) })
    }

    @Test(
        "Whatever is inserted and removed, a new id is known at once, a removed one is not, and no old one counts as new"
    )
    func model() {
        var generator = SystemRandomNumberGenerator()
        var recent = RecentIDs(capacity: 8, lifetime: .seconds(1000))
        let start = Moment.now
        var known: Set<Int> = []
        for step in 0..<10_000 {
            let now = start + .milliseconds(step)
            let id = Int.random(in: 0..<12, using: &generator)
            let key = IDFingerprint("id\(id)")
            if Bool.random(using: &generator) {
                let isNew = recent.insert(key, at: now)
                #expect(isNew || known.contains(id))
                known.insert(id)
                #expect(recent.contains(key, at: now))
            } else {
                recent.remove(key)
                known.remove(id)
                #expect(!recent.contains(key, at: now))
            }
        }
    }
}
