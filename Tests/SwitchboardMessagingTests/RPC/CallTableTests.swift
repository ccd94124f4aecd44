import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("The table of calls", .timeLimit(.minutes(5)))
struct CallTableTests {
    private final class Entry {
        let (high, low): (UInt64, UInt64)

        init(_ high: UInt64, _ low: UInt64) { (self.high, self.low) = (high, low) }
    }

    @Test("However calls come and go, each one that is there is found by its id, and no other", arguments: 0..<20)
    func model(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var table = CallTable<Entry>()
        var (model, gone): ([Entry], [Entry]) = ([], [])
        for step in 0..<4000 {
            // In some phases more come than go, in others the reverse.
            let share = step / 800 % 2 == 0 ? 7 : 3
            if Int.random(in: 0..<10, using: &random) < share {
                model.append(table.add { Entry($0, $1) })
            } else if let index = model.indices.randomElement(using: &random) {
                let entry = model.remove(at: index)
                let wasRemoved = table.remove(entry.high, entry.low)
                #expect(wasRemoved)
                gone.append(entry)
            }
            #expect(table.count == model.count)
            #expect(table.count * 4 <= table.capacity)
        }
        #expect(model.allSatisfy { table.call($0.high, $0.low) === $0 })
        for entry in gone {
            let isThere = table.call(entry.high, entry.low) != nil
            let wasRemoved = table.remove(entry.high, entry.low)
            #expect(!isThere && !wasRemoved)
        }
        #expect(Set(table.all.map { ObjectIdentifier($0) }) == Set(model.map { ObjectIdentifier($0) }))
    }

    @Test("An id whose slot is taken is drawn again; one that differs in its upper bits only is another call's")
    func taken() {
        var table = CallTable<Entry>()
        var numbers: [(high: UInt64, low: UInt64)] = [(1, 5), (2, 5), (3, 5 + 64), (4, 6)].reversed()
        let first = table.add({ numbers.removeLast() }) { Entry($0, $1) }
        let second = table.add({ numbers.removeLast() }) { Entry($0, $1) }
        #expect((first.high, first.low) == (1, 5) && (second.high, second.low) == (4, 6))
        #expect(numbers.isEmpty)
        #expect(table.call(1, 5) === first && table.call(4, 6) === second)
        #expect(table.call(2, 5) == nil && table.call(1, 5 + 64) == nil && table.call(1, 6) == nil)
        #expect(table.call(0, 0) == nil)
    }

    @Test("A rush leaves no large table behind")
    func rush() {
        var table = CallTable<Entry>()
        let smallest = table.capacity
        let entries = (0..<50_000).map { _ in table.add { Entry($0, $1) } }
        #expect(table.capacity >= 200_000)
        for entry in entries { table.remove(entry.high, entry.low) }
        #expect(table.count == 0 && table.capacity == smallest)
    }
}
