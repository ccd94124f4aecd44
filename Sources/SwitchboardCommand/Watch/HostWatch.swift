import SwitchboardCells
import SwitchboardCore

/// Sweeps over all mapped hosts again and again, and says what has changed.
struct HostWatch: Sendable {
    let directory: any CellDirectory
    /// The UUIDs or names of the cells to look at; all where it is empty.
    let only: [String]
    let includesDisabled: Bool
    var sweep: HostSweep
    let board: WatchBoard
    /// From the beginning of a sweep to the next one's; a sweep that takes longer is followed at once.
    let interval: Duration
    /// How many sweeps there are; `nil`: no end.
    let count: Int?
    /// In seconds since 1970.
    let now: @Sendable () -> Double

    /// Returns after the last sweep. Throws what reading the directory for the first time throws, and what the output throws;
    /// later, a directory that can't be read is an event.
    func run(showing output: some WatchOutput) async throws {
        var listing = try await readDirectory()
        var number = 1
        while true {
            let begin = ContinuousClock.now
            board.begin()
            let current = listing
            try await output.show(
                board.change { states in
                    states.follow(current.cells.map { ($0.watched, $0.hosts) }, at: now())
                })
            // Somebody waits for the first; the others are spread so that they are no load.
            try await sweep.run(over: current, within: number == 1 ? .zero : interval / 2) { observation in
                try await output.show(board.change { $0.apply(observation, at: now()) })
            }
            let next = max(begin + interval, .now)
            let summary = summary(of: number, current, took: begin.duration(to: .now))
            board.end(summary, next: next)
            try await output.show(summary)
            if number == count { return }
            number += 1
            try await Task.sleep(until: next, clock: .continuous)
            var failure: String?
            do {
                listing = try await readDirectory()
            } catch {
                try Task.checkCancellation()
                failure = Secret.masked(in: (error as? CellError)?.message ?? "\(error)")
            }
            try await output.show(board.noteDirectory(failure: failure, at: now()))
        }
    }

    private func readDirectory() async throws -> HostListing {
        try await HostListing.read(from: directory, only: only, includingDisabled: includesDisabled)
    }

    private func summary(of number: Int, _ listing: HostListing, took duration: Duration) -> SweepSummary {
        let states = board.current.states
        return SweepSummary(
            number: number, time: now(), duration: duration, counts: states.counts, cells: states.cells.count,
            unreachableCells: states.cells.values.count { $0.isUnreachable }, defects: listing.defects)
    }
}

/// Where a watch shows what it finds.
protocol WatchOutput: Sendable {
    func show(_ events: [WatchEvent]) async throws
    func show(_ summary: SweepSummary) async throws
    /// Does what is to be done meanwhile, until the task is cancelled.
    func run() async throws
}

extension WatchOutput {
    func run() async throws {}
}
