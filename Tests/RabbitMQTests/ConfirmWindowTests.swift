#if RabbitMQ
import Testing

@testable import SwitchboardRabbitMQ

@Suite("The window of unconfirmed publishes")
struct ConfirmWindowTests {
    private func window(_ count: Int) -> ConfirmWindow<Int> {
        var window = ConfirmWindow<Int>()
        for number in 1...count { window.append(number) }
        return window
    }

    private func settle(_ window: inout ConfirmWindow<Int>, _ tag: UInt64, multiple: Bool = false) throws -> [Int] {
        var settled: [Int] = []
        try window.settle(tag, multiple: multiple) { settled.append($0) }
        return settled
    }

    @Test("A confirm for all up to a tag settles them in order")
    func multiple() throws {
        var window = window(5)
        #expect(try settle(&window, 3, multiple: true) == [1, 2, 3])
        #expect(window.count == 2)
    }

    @Test("Single confirms come in any order, and the tags behind keep their meaning")
    func outOfOrder() throws {
        var window = window(4)
        #expect(try settle(&window, 2) == [2])
        #expect(try settle(&window, 4) == [4])
        #expect(try settle(&window, 1) == [1])
        #expect(window.append(5) == 5)
        #expect(try settle(&window, 5, multiple: true) == [3, 5])
        #expect(window.count == 0)
    }

    @Test("Tag 0 for all means all")
    func all() throws {
        var window = window(3)
        #expect(try settle(&window, 0, multiple: true) == [1, 2, 3])
    }

    @Test("A confirm that comes twice settles once")
    func twice() throws {
        var window = window(2)
        #expect(try settle(&window, 1) == [1])
        #expect(try settle(&window, 1) == [])
        #expect(window.count == 1)
    }

    @Test("A confirm for a publish that never was is a violation")
    func unknown() {
        var window = window(2)
        #expect(throws: ProtocolViolation.self) { try settle(&window, 3) }
    }

    @Test("What is given up takes no room, and its confirm is no violation and settles nobody")
    func abandoned() throws {
        var window = window(4)
        window.abandon { $0 == 1 || $0 == 3 }
        #expect(window.count == 2 && window.abandoned == 2)
        #expect(try settle(&window, 2) == [2])
        #expect(try settle(&window, 1) == [])
        #expect(window.abandoned == 1)
        #expect(window.append(5) == 5)
        #expect(try settle(&window, 4, multiple: true) == [4])
        #expect(window.count == 1 && window.abandoned == 0)
        window.abandon { _ in true }
        #expect(window.count == 0 && window.abandoned == 1)
        #expect(window.reset() == [])
        #expect(window.abandoned == 0)
    }

    @Test("A new channel counts from 1 again, and what was unconfirmed comes back in order")
    func reset() throws {
        var window = window(3)
        _ = try settle(&window, 2)
        #expect(window.reset() == [1, 3])
        #expect(window.append(9) == 1)
        #expect(try settle(&window, 1) == [9])
    }

    @Test(
        "What was dropped for certain begins with the culprit, where the exchange tells which that is",
        arguments: [
            (["a", "x", "b"], "x", 1), (["x"], "x", 0), (["x", "a", "x", "b"], "x", 3), (["a", "b"], "x", 2),
            (["a"], nil, 1),
        ] as [([String], String?, Int)])
    func dropped(exchanges: [String], missing: String?, first: Int) {
        #expect(PublishChannel.firstCertainlyDropped(exchanges, missing: missing) == first)
    }
}
#endif
