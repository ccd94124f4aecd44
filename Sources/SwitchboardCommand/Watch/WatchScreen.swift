import Foundation
import StandardStreams

/// A table on a terminal, drawn again when something or the terminal's size changes.
struct WatchScreen: WatchOutput {
    let board: WatchBoard

    private static let interval = Duration.milliseconds(250)

    func show(_ events: [WatchEvent]) async throws {}

    func show(_ summary: SweepSummary) async throws {}

    /// Draws on the terminal's other page until the task is cancelled, and then leaves the last sweep's line on the first.
    func run() async throws {
        // The other page, and no cursor.
        try await draw("\u{1B}[?1049h\u{1B}[?25l")
        var drawn: [String] = []
        var size = (columns: 0, rows: 0)
        while !Task.isCancelled {
            let new = Self.size
            let lines = WatchTable(content: board.current, columns: new.columns, rows: new.rows, now: .now).lines
            if lines != drawn || new != size {
                let text = lines.map { "\($0)\u{1B}[K" }.joined(separator: "\r\n")
                try await draw("\u{1B}[H\(text)\u{1B}[J")
                (drawn, size) = (lines, new)
            }
            try? await Task.sleep(for: Self.interval)
        }
        StandardOutput.limitWaiting(to: .seconds(2))
        try await draw("\u{1B}[?25h\u{1B}[?1049l")
        if let summary = board.current.summary { try StandardOutput.line(summary.text) }
    }

    /// Without holding up this thread: the terminal may be stopped.
    private func draw(_ text: String) async throws {
        let failure: OutputFailure? = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                do throws(OutputFailure) {
                    try StandardOutput.write(text)
                    try StandardOutput.flush()
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
        if let failure { throw failure }
    }

    private static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
