import ArgumentParser
import Foundation
import SwitchboardCells
import SwitchboardCore

/// What `top` looks at without a tap: the mapped hosts, each of which is asked again and again.
struct TopSweep: Sendable {
    let topic: Topic
    private let watch: HostWatch
    private let base: BaseURLs

    /// - Parameter count: how many sweeps there are; `nil`: no end.
    init(_ options: TapOptions, every interval: Duration, count: Int?) async throws {
        let directory = try await options.aim.directory.open(forWriting: false)
        let cell = try await options.aim.mapping()
        if let cell { try options.aim.checkEnabled(cell) }
        topic = Topic(options.topics.first ?? "compute", exchange: options.exchanges.first ?? "nova")
        base = try options.aim.base.urls
        let sweep = HostSweep(
            configuration: .init(topic: topic, timeout: options.timeout.duration),
            connections: CellConnections(base: base, drivers: .all, logger: messageLogger()))
        watch = HostWatch(
            directory: directory, only: cell.map { [$0.id.description] } ?? [],
            includesDisabled: options.aim.includeDisabled, sweep: sweep, board: WatchBoard(), interval: interval,
            count: count, now: { Date.now.timeIntervalSince1970 })
    }

    /// Refuses options that say something of taps alone.
    static func validate(_ options: TapOptions) throws {
        if options.aim.transportURL != nil {
            throw ValidationError("--sweep asks the hosts that are mapped to cells; leave out --transport-url.")
        }
        if options.managementURL != nil || options.firehose != nil || options.replies != .auto {
            throw ValidationError(
                "--sweep taps nothing; leave out --management-url, --firehose and --replies, or --sweep.")
        }
        if options.topics.count > 1 || options.exchanges.count > 1 || !options.topicPatterns.allSatisfy(\.isLiteral) {
            throw ValidationError(
                "--sweep asks the hosts of one topic: give one --topic, no pattern, and one --exchange.")
        }
    }

    /// Sweeps until the task is cancelled, or the last sweep has ended.
    func run(showingCells: Bool, _ collector: TopCollector) async throws {
        var watch = watch
        watch.sweep.observer = { [base] cell, step in
            let label = cell.watched.label
            var source = TopCollector.Source(name: label, cell: showingCells ? label : nil)
            if case .url(let url)? = try? cell.mapping.queue(base: base) { source.url = url }
            await collector.take(step, from: source)
        }
        let (connections, final) = (watch.sweep.connections, watch)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await connections.run()
                return false
            }
            group.addTask {
                try await final.run(showing: Troubles())
                return true
            }
            defer { group.cancelAll() }
            while let isEnd = try await group.next(), !isEnd {}
        }
    }

    /// Tells what concerns the directory, and that there is nothing to ask.
    private struct Troubles: WatchOutput {
        func show(_ events: [WatchEvent]) async throws {
            for event in events {
                switch event.kind {
                case .directoryFailed, .directoryReadable, .cellUnreachable: complain(event.text)
                default: break
                }
            }
        }

        func show(_ summary: SweepSummary) async throws {
            if summary.number == 1, summary.hosts == 0 {
                throw Failure("No host is mapped to a cell, so there is nothing to ask.", exit: MessageExit.noCell)
            }
        }
    }
}
