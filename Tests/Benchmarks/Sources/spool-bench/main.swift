// The spool beside C loops that make the same system calls, and beside other file queues, in one run on one disk:
//
//   spool-bench DIRECTORY [--json] [--backlog N] [--peers PYTHON SCRIPT] [--rpc-bench PROGRAM]
//
// DIRECTORY must be there, on the disk in question; what is made in it is removed. --backlog: how many messages wait in
// the measurement of long queues (1000000). --peers: an interpreter that has Peers/requirements.txt, and
// Peers/spool_peers.py; left out, the peers are. --rpc-bench: the program of that name, when it is not beside this one.
// Prints a table, or with --json an array of figures. Exits with 1 when a bar is missed.

import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())

func option(_ name: String, _ offset: Int = 1) -> String? {
    guard let index = arguments.firstIndex(of: name), index + offset < arguments.count else { return nil }
    return arguments[index + offset]
}

guard let directory = arguments.first, !directory.hasPrefix("-"), FileManager.default.fileExists(atPath: directory)
else {
    print("usage: spool-bench DIRECTORY [--json] [--backlog N] [--peers PYTHON SCRIPT] [--rpc-bench PROGRAM]")
    exit(2)
}
let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
let place = URL(fileURLWithPath: directory).path + "/spool-bench-\(getpid())"
try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
defer { try? FileManager.default.removeItem(atPath: place) }

@MainActor func measure() async throws -> Figures {
    var figures = Figures(isQuiet: arguments.contains("--json"))
    let bench = SpoolBench(directory: place)
    try await bench.durableFiles(&figures)
    try await bench.durableSegments(&figures)
    try await bench.calls(&figures, program: option("--rpc-bench") ?? beside.appendingPathComponent("rpc-bench").path)
    if let python = option("--peers"), let script = option("--peers", 2) {
        try await bench.peers(&figures, python: python, script: script)
    }
    for layout in ["maildir", "segment"] {
        try await bench.backlog(&figures, layout: layout, count: option("--backlog").flatMap { Int($0) } ?? 1_000_000)
    }
    return figures
}
let figures = try await measure()
if arguments.contains("--json") { print(try figures.json) }
try? FileManager.default.removeItem(atPath: place)
exit(figures.missed == 0 ? 0 : 1)
