import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCore

/// The command line. Each command is a file of its own; a new one is added to the subcommands here.
@main
struct SwitchboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switchboard",
        abstract: """
            Keeps the directory of cells (which message queue each cell has, and where instances and hosts are), and sends \
            and receives messages through the cells' queues.
            """,
        discussion: """
            To begin, make a directory and look at it:

              export SWITCHBOARD_DATABASE=cells.sqlite
              switchboard init
              switchboard cell create --name one --transport-url rabbit://guest:guest@127.0.0.1/one
              switchboard cell list
              switchboard ping --all-cells

            Then try a cell's queue, from two terminals:

              switchboard serve --cell one --topic greetings
              switchboard call --cell one --topic greetings hello name=world

            The directory is a SQLite file with the schema of Nova's API database; a Nova's own can be given as well. \
            --config-file /etc/nova/nova.conf takes what isn't given otherwise from there, and --profile from a set of \
            settings of your own; options win over the environment, that over the profile, and that over files.

            Every command takes --json. Passwords are shown as *** unless --show-secrets is given. Results go to standard \
            output, everything else to standard error. Exit codes: 0 success; 64 wrong usage; 74 standard output cannot be \
            written, 141 its reader has gone; 78 a configuration file or profile cannot be used; 255 the directory cannot be used; others as in the help of each command.
            """,
        version: SwitchboardVersion.current,
        subcommands: [
            InitCommand.self, CellCommand.self, InstanceCommand.self, HostCommand.self, DoctorCommand.self,
            WatchCommand.self, CheckCommand.self, TapCommand.self, TopCommand.self,
            RecordCommand.self, ReplayCommand.self, QueuesCommand.self,
            BenchCommand.self, Ping.self, Call.self, Cast.self, Serve.self, NotifyCommand.self, SpoolCommand.self,
            ConfigCommand.self,
            ConformanceCommand.self,
        ])

    static func main() async {
        StandardStreams.prepare()
        do {
            var command = try await asyncParseAsRoot()
            if let configured = command as? any ConfiguredCommand {
                try await CommandSettings.load(configured.configurationOptions)
            }
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            try StandardOutput.flush()
        } catch {
            end(with: error)
        }
    }

    /// Ends the program as `exit(withError:)` does, which ignores output that fails and repeats arguments as they are.
    private static func end(with error: any Error) -> Never {
        do throws(OutputFailure) {
            if let failure = error as? OutputFailure { throw failure }
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            if code.isSuccess {
                try StandardOutput.write(text.isEmpty ? "" : text + "\n")
                try StandardOutput.flush()
            } else {
                try StandardOutput.flush()
                if !text.isEmpty { StandardError.lines(ArgumentEcho.own.cleaned(text)) }
            }
            Foundation.exit(code.rawValue)
        } catch {
            if !error.isClosedPipe { complain("\(error)") }
            Foundation.exit(error.exitCode)
        }
    }
}
