#if RabbitMQ && TLS
import Foundation
import Switchboard
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// Cells on virtual hosts, and a watch over their hosts whose sweeps the test asks for.
struct WatchedCloud: Sendable {
    let directory = InMemoryCellDirectory()
    /// How long a host may take. On a busy machine those that answer need some of it.
    var timeout = Duration.seconds(3)

    static func id(_ number: Int) -> CellID {
        CellID("10000000-0000-4000-8000-" + String(format: "%012d", number))!
    }

    /// Serves some hosts of a bed.
    static func serving<Result>(
        _ bed: Bed, _ hosts: [String], url: TransportURL? = nil, hasPing: Bool = true,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withMessageQueue(
            url ?? bed.url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger
        ) { queue in
            try await withThrowingTaskGroup(of: Void.self) { group in
                var router = RPCRouter()
                router.register("hello") { _, _ in "hello" }
                if hasPing { router.registerPing() }
                let servers = hosts.map {
                    RPCServer(queue, topic: Examination.topic, name: $0, router: router, logger: quietLogger)
                }
                for server in servers { group.addTask { try await server.run() } }
                defer { group.cancelAll() }
                for server in servers { try await server.waitUntilServing() }
                return try await body()
            }
        }
    }

    func addCell(_ number: Int, _ url: TransportURL, hosts: [String]) async throws {
        _ = try await directory.createCell(
            CellMapping(
                id: Self.id(number), name: "cell\(number)",
                transportURL: URLTemplate(url.formatted(revealingSecrets: true)),
                databaseConnection: URLTemplate("sqlite:///cell\(number)")))
        _ = try await directory.mapHosts(hosts, to: Self.id(number))
    }

    /// Runs a watch; its sweeps are those that `body` asks for.
    func watching<Result: Sendable>(_ body: (Sweeps) async throws -> Result) async throws -> Result {
        var configuration = HostSweep.Configuration()
        configuration.timeout = timeout
        // A busy machine isn't what is tested.
        configuration.classifier = HostClassifier(slow: .seconds(60))
        configuration.rate = 500
        let connections = CellConnections(
            base: BaseURLs(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
        let watch = HostWatch(
            directory: directory, only: [], includesDisabled: false,
            sweep: HostSweep(configuration: configuration, connections: connections), board: WatchBoard(),
            interval: .milliseconds(1), count: nil, now: { Date.now.timeIntervalSince1970 })
        let sweeps = Sweeps(board: watch.board)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await connections.run() }
            group.addTask {
                await sweeps.waitForFirst()
                try await watch.run(showing: sweeps)
            }
            defer { group.cancelAll() }
            return try await body(sweeps)
        }
    }

    /// One sweep as `check hosts` makes it.
    func check() async throws -> [CellID: CellObservation] {
        var configuration = HostSweep.Configuration()
        configuration.timeout = timeout
        configuration.classifier = HostClassifier(slow: .seconds(60))
        configuration.asksTwice = true
        let connections = CellConnections(
            base: BaseURLs(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
        let listing = try await HostListing.read(from: directory, only: [], includingDisabled: false)
        return try await HostsCheck.look(
            listing, HostSweep(configuration: configuration, connections: connections))
    }
}

/// Holds a watch after each sweep until the test asks for the next one.
final class Sweeps: WatchOutput {
    private struct State {
        var events: [WatchEvent] = []
    }

    private let board: WatchBoard
    private let state = Locked(State())
    private let (ended, endSource) = AsyncStream.makeStream(of: SweepSummary.self)
    private let (wanted, wantSource) = AsyncStream.makeStream(of: Void.self)
    private let (begun, beginSource) = AsyncStream.makeStream(of: Void.self)

    init(board: WatchBoard) {
        self.board = board
    }

    func show(_ events: [WatchEvent]) async throws {
        state.withLock { $0.events += events }
    }

    func show(_ summary: SweepSummary) async throws {
        endSource.yield(summary)
        for await _ in wanted { return }
        throw CancellationError()
    }

    /// Returns when the first sweep is wanted: what it is to find is there then.
    func waitForFirst() async {
        for await _ in begun { return }
    }

    /// What the first sweep tells, which begins now.
    func first() async throws -> [String] { try await next { beginSource.yield() } }

    /// What the next sweep tells, which begins now.
    func next() async throws -> [String] { try await next { wantSource.yield() } }

    private func next(after start: () -> Void) async throws -> [String] {
        start()
        var iterator = ended.makeAsyncIterator()
        _ = try #require(await iterator.next())
        return state.withLock { state in
            defer { state.events = [] }
            return state.events.map(\.text)
        }
    }

    /// What the next two sweeps tell.
    func nextTwo() async throws -> [String] {
        let first = try await next()
        return try await first + next()
    }

    var states: HostStates { board.current.states }

    func hostClass(_ host: String) -> HostClass? {
        for cell in states.cells.values {
            if let state = cell.hosts[host] { return cell.hostClass(of: state) }
        }
        return nil
    }
}
#endif
