import Glibc

/// Called first by every program: what was closed when it started is not taken by a socket, and a reader that has gone is
/// no signal.
public func prepareOutput() {
    StandardStreams.prepare()
}

/// Prints text and returns when it is written. Output that fails ends the program: in silence when its reader has gone,
/// else with a sentence and the exit code 74.
public func say(_ value: some CustomStringConvertible) {
    do throws(OutputFailure) {
        try StandardOutput.write("\(value)\n")
        try StandardOutput.flush()
    } catch {
        if !error.isClosedPipe { StandardError.line("benchmark: \(error)") }
        exit(error.exitCode)
    }
}

/// Says something on standard error.
public func complain(_ value: Any) {
    StandardError.lines("benchmark: \(value)")
}
