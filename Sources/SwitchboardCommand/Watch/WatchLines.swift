import StandardStreams
import SwitchboardMessaging

/// A line for each event and for each sweep, as text or JSON.
struct WatchLines: WatchOutput {
    let asJSON: Bool

    func show(_ events: [WatchEvent]) async throws {
        for event in events { try await put(event.json, event.text, event.time) }
    }

    func show(_ summary: SweepSummary) async throws {
        try await put(summary.json, summary.text, summary.time)
    }

    private func put(_ json: JSONObject, _ text: String, _ time: Double) async throws {
        if asJSON { return try await StandardOutput.deliver("\(JSONValue.object(json))") }
        try await StandardOutput.deliver(ArgumentEcho.own.cleaned("\(WatchEvent.text(ofTime: time)) \(text)"))
    }
}

/// The metrics on standard output after each sweep, or nothing there.
struct WatchMetricsOutput: WatchOutput {
    let board: WatchBoard
    let isPrinted: Bool

    func show(_ events: [WatchEvent]) async throws {}

    func show(_ summary: SweepSummary) async throws {
        guard isPrinted, let text = board.current.metrics else { return }
        try StandardOutput.write(text)
        try StandardOutput.flush()
    }
}

/// Another output, and a file of metrics that is replaced after each sweep.
struct WatchMetricsFile<Base: WatchOutput>: WatchOutput {
    let base: Base
    let board: WatchBoard
    let path: String

    func show(_ events: [WatchEvent]) async throws { try await base.show(events) }

    func show(_ summary: SweepSummary) async throws {
        if let text = board.current.metrics {
            do {
                try AtomicFile.write(text, to: path)
            } catch {
                // A wrong path is noticed at once; a full disk doesn't end a watch.
                if summary.number == 1 { throw Failure(error.description, exit: 74) }
                complain(error.description)
            }
        }
        try await base.show(summary)
    }

    func run() async throws { try await base.run() }
}
