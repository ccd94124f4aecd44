import Foundation
import StandardStreams

/// A bar on standard error while something long goes on; nothing when that is no terminal.
struct ProgressBar {
    private let total: Int?
    private let isShown: Bool
    private var lastDrawn: ContinuousClock.Instant?

    /// - Parameter total: in the unit of ``update(done:text:)``; `nil` when it is unknown.
    init(total: Int?) {
        self.total = total
        isShown = isatty(STDERR_FILENO) == 1
    }

    /// Draws, at most ten times a second.
    mutating func update(done: Int, text: String) {
        guard isShown else { return }
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < .milliseconds(100) { return }
        lastDrawn = now
        draw(line(done: done, text: text))
    }

    /// Takes the bar away.
    func finish() {
        if isShown, lastDrawn != nil { draw("") }
    }

    private func line(done: Int, text: String) -> String {
        guard let total, total > 0 else { return text }
        let fraction = min(1, Double(done) / Double(total))
        let filled = Int(fraction * 30)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
        return "[\(bar)] \(Int(fraction * 100))%  \(text)"
    }

    private func draw(_ line: String) {
        StandardError.write("\r\u{1B}[2K\(line.printable)")
    }
}
