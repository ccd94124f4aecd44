import BenchSupport
import Foundation

/// The spool beside C loops that make the same system calls, and beside other file queues, in one run on one disk:
///
///     spool-bench DIRECTORY [--json] [--only PART,...] [--backlog N] [--peers PYTHON SCRIPT] [--rpc-bench PROGRAM]
///
/// DIRECTORY must be there, on the disk in question; what is made in it is removed. `--only`: some of the parts `calls`,
/// `files`, `segments`, `peers`, `backlog` (or `backlog-maildir`, `backlog-segment`). `--backlog`: how many messages wait
/// in the measurement of long queues (1000000). `--peers`: an interpreter that has `Peers/requirements.txt`, and
/// `Peers/spool_peers.py`; left out, the peers are. `--rpc-bench`: the program of that name, when it is not beside this
/// one.
/// Prints a table, or with `--json` an array of figures. Exits with 1 when a bar is missed, 3 when something failed.
@main
struct Program {
    private let arguments = Array(CommandLine.arguments.dropFirst())

    static func main() async {
        prepareOutput()
        do {
            exit(try await Program().run())
        } catch {
            complain(error)
            exit(3)
        }
    }

    /// The argument after `name`, or one further on.
    private func option(_ name: String, _ offset: Int = 1) -> String? {
        guard let index = arguments.firstIndex(of: name), index + offset < arguments.count else { return nil }
        return arguments[index + offset]
    }

    private func run() async throws -> Int32 {
        guard let directory = arguments.first, !directory.hasPrefix("-"),
            FileManager.default.fileExists(atPath: directory)
        else {
            say(
                "usage: spool-bench DIRECTORY [--json] [--only PART,...] [--backlog N] [--peers PYTHON SCRIPT] "
                    + "[--rpc-bench PROGRAM]")
            return 2
        }
        let place = URL(fileURLWithPath: directory).path + "/spool-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: place) }
        var figures = Figures(isQuiet: arguments.contains("--json"))
        let bench = SpoolBench(directory: place)
        let parts = option("--only").map { Set($0.split(separator: ",").map(String.init)) }
        func isWanted(_ part: String) -> Bool { parts?.contains(part) ?? true }
        // The calls come first: the others remove thousands of files at once, and a file system may be slow to make new
        // ones after that (ext4 without a journal looks through all that went in the last minutes).
        if isWanted("calls") {
            let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            try await bench.calls(
                &figures, program: option("--rpc-bench") ?? beside.appendingPathComponent("rpc-bench").path)
        }
        if isWanted("files") { try await bench.durableFiles(&figures) }
        if isWanted("segments") { try await bench.durableSegments(&figures) }
        if isWanted("peers"), let python = option("--peers"), let script = option("--peers", 2) {
            try await bench.peers(&figures, python: python, script: script)
        }
        for layout in ["maildir", "segment"] where isWanted("backlog") || isWanted("backlog-\(layout)") {
            try await bench.backlog(
                &figures, layout: layout, count: option("--backlog").flatMap { Int($0) } ?? 1_000_000)
        }
        if arguments.contains("--json") { say(try figures.json) }
        return figures.missed == 0 ? 0 : 1
    }
}
