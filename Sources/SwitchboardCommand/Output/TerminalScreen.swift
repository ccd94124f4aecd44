import Foundation
import StandardStreams

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A terminal that is drawn again and again, as large as it is at that moment.
struct TerminalScreen: Sendable {
    let isTerminal: Bool

    init() {
        isTerminal = isatty(STDOUT_FILENO) == 1
    }

    /// Takes a screen of its own, so that what stood there comes back at the end.
    func begin() {
        if isTerminal { try? StandardOutput.write("\u{1B}[?1049h\u{1B}[?25l") }
    }

    func end() {
        guard isTerminal else { return }
        try? StandardOutput.write("\u{1B}[?25h\u{1B}[?1049l")
        try? StandardOutput.flush()
    }

    /// Draws lines from the top, as many and as much of each as there is room for.
    func draw(_ lines: [String]) throws(OutputFailure) {
        let size = Self.size()
        try StandardOutput.write(Self.text(of: lines, columns: size.columns, rows: size.rows))
        try StandardOutput.flush()
    }

    /// What is written to draw them.
    static func text(of lines: [String], columns: Int, rows: Int) -> String {
        var shown = lines.prefix(rows)
        if lines.count > rows, rows > 0 { shown[rows - 1] = "… \(lines.count - rows + 1) more lines" }
        return "\u{1B}[H"
            + shown.map { String($0.printable.prefix(columns)) + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J"
    }

    private static func size() -> (columns: Int, rows: Int) {
        var size = winsize()
        let result = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        guard result == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
