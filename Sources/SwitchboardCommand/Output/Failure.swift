import ArgumentParser
import OsloConfiguration
import StandardStreams
import SwitchboardCells

/// A sentence for standard error, and the exit code. Where `nova-manage cell_v2` has a code for the case, it is the same
/// (nova-cells.md §6).
struct Failure: Error {
    var message: String
    var exit: Int32

    init(_ message: String, exit: Int32) {
        self.message = message
        self.exit = exit
    }

    /// A configuration file or a profile can't be used.
    static func configuration(_ message: String) -> Failure { Failure(message, exit: 78) }
}

/// A command on a directory: it is opened, and errors become sentences and exit codes.
protocol DirectoryCommand: ConfiguredCommand {
    var directoryOptions: DirectoryOptions { get }

    static var writes: Bool { get }

    /// The exit codes of errors that do not simply give 1.
    static var exitCodes: [CellError.Code: Int32] { get }

    func perform(on directory: any MutableCellDirectory) async throws
}

extension DirectoryCommand {
    static var exitCodes: [CellError.Code: Int32] { [:] }

    func run() async throws {
        try await reportingFailures(Self.exitCodes) {
            try await perform(on: await directoryOptions.open(forWriting: Self.writes))
        }
    }
}

/// Runs a command's work; what it throws is printed on standard error and becomes the exit code.
func reportingFailures(_ exitCodes: [CellError.Code: Int32], _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let failure as Failure {
        try complainAtTheEnd(failure.message)
        throw ExitCode(failure.exit)
    } catch let error as OsloConfigurationError {
        try complainAtTheEnd(error.message)
        throw ExitCode(Failure.configuration("").exit)
    } catch let error as CellError {
        try complainAtTheEnd(error.message)
        let isDirectory = [.directoryUnavailable, .directoryInvalid, .directoryReadOnly].contains(error.code)
        throw ExitCode(exitCodes[error.code] ?? (isDirectory ? 255 : 1))
    }
}

/// A line on standard error. Whatever it repeats, no control character and no password gets through.
func complain(_ message: String) {
    StandardError.line("switchboard: \(ArgumentEcho.own.cleaned(message))")
}

/// A line on standard error, behind what standard output has.
private func complainAtTheEnd(_ message: String) throws(OutputFailure) {
    try StandardOutput.flush()
    complain(message)
}

/// `print` ignores output that fails, and says raw what is in texts of others.
@available(*, unavailable, message: "Use StandardOutput.")
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {}
