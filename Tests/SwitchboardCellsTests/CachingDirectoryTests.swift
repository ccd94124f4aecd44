import SwitchboardCells
import SwitchboardCore
import Testing

@Suite("A directory with a memory of instances")
struct CachingDirectoryTests {
    /// A clock that stands still until it is told otherwise.
    private final class StoppedClock: Clock {
        struct Instant: InstantProtocol {
            var time: Duration = .zero
            func advanced(by duration: Duration) -> Instant { Instant(time: time + duration) }
            func duration(to other: Instant) -> Duration { other.time - time }
            static func < (left: Instant, right: Instant) -> Bool { left.time < right.time }
        }

        private let time = Locked(Instant())
        var now: Instant { time.withLock { $0 } }
        var minimumResolution: Duration { .nanoseconds(1) }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws {}
        func advance(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
    }

    private let base = InMemoryCellDirectory()
    private let clock = StoppedClock()
    private let one = CellMapping(id: .random(), name: "one", transportURL: "rabbit://h/one")
    private let two = CellMapping(id: .random(), name: "two", transportURL: "rabbit://h/two")

    private func uuid(_ number: Int) -> String {
        "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - String(number).count) + String(number)
    }

    private func map(_ number: Int, _ cell: CellID?) -> InstanceMapping {
        InstanceMapping(instanceUUID: uuid(number), cell: cell, projectID: "p")
    }

    private func caching(limit: Int = 100) async throws -> CachingCellDirectory<InMemoryCellDirectory> {
        try await base.createCell(one)
        try await base.createCell(two)
        try await base.mapInstances([map(1, one.id)])
        return CachingCellDirectory(base, limit: limit, lifetime: .seconds(2), clock: clock)
    }

    private func name(
        _ directory: CachingCellDirectory<InMemoryCellDirectory>, _ number: Int = 1
    ) async throws -> String? {
        try await directory.location(ofInstance: uuid(number)).cell?.name
    }

    @Test("An answer is remembered for its lifetime, however the UUID is written")
    func lifetime() async throws {
        let directory = try await caching()
        #expect(try await name(directory) == "one")
        try await base.mapInstances([map(1, two.id)])
        clock.advance(by: .milliseconds(1999))
        #expect(try await name(directory) == "one")
        #expect(try await directory.location(ofInstance: uuid(1).filter { $0 != "-" }).cell?.name == "one")
        clock.advance(by: .milliseconds(1))
        #expect(try await name(directory) == "two")
    }

    @Test("What is written through it is seen at once")
    func ownWrites() async throws {
        let directory = try await caching()
        #expect(try await name(directory) == "one")
        try await directory.mapInstances([map(1, two.id)])
        #expect(try await name(directory) == "two")
        try await directory.updateCell(two.id, CellChange(name: "renamed"))
        #expect(try await name(directory) == "renamed")
        #expect(try await directory.unmapInstances([uuid(1).uppercased()]) == 1)
        await #expect { try await name(directory) } throws: { ($0 as? CellError)?.code == .unknownInstance }
    }

    @Test("A new version makes it forget everything")
    func version() async throws {
        let directory = try await caching()
        _ = try await directory.version()
        #expect(try await directory.location(ofInstance: uuid(1)).cell?.transportURL == "rabbit://h/one")
        try await base.updateCell(one.id, CellChange(transportURL: "rabbit://h/new"))
        #expect(try await directory.location(ofInstance: uuid(1)).cell?.transportURL == "rabbit://h/one")
        _ = try await directory.version()
        #expect(try await directory.location(ofInstance: uuid(1)).cell?.transportURL == "rabbit://h/new")
    }

    @Test("What is not in a cell, or not there, is asked for each time")
    func absent() async throws {
        let directory = try await caching()
        try await base.mapInstances([map(2, nil)])
        #expect(try await name(directory, 2) == nil)
        await #expect(throws: CellError.self) { try await name(directory, 3) }
        try await base.mapInstances([map(2, one.id), map(3, two.id)])
        #expect(try await name(directory, 2) == "one")
        #expect(try await name(directory, 3) == "two")
    }

    @Test("It remembers no more than its limit, and the latest ones")
    func bound() async throws {
        let directory = try await caching(limit: 10)
        try await base.mapInstances((1...100).map { map($0, one.id) })
        for number in 1...100 { #expect(try await name(directory, number) == "one") }
        try await base.mapInstances((1...100).map { map($0, two.id) })
        // From the last one on, because each look-up of another one is remembered, too.
        let remembered = try await (1...100).reversed().asyncMap { try await name(directory, $0) == "one" }
        #expect((5...10).contains(remembered.count { $0 }))
        #expect(remembered.first == true)
    }

    @Test("A directory of any kind takes a memory")
    func anyDirectory() async throws {
        _ = try await caching()
        let any: any MutableCellDirectory = base
        let directory: any MutableCellDirectory = any.cachingInstances(limit: 10, lifetime: .seconds(1))
        #expect(try await directory.cell(ofInstance: uuid(1)).name == "one")
        #expect(try await directory.mapHosts(["a"], to: one.id).added == 1)
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
