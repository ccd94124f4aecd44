import ArgumentParser

/// The command line. Each command is a file of its own; a new one is added to the subcommands here.
@main
struct Switchboard: AsyncParsableCommand {
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

            The directory is a SQLite file with the schema of Nova's API database; a Nova's own file can be given as well.

            Every command takes --json. Passwords are shown as *** unless --show-secrets is given. Results go to standard \
            output, everything else to standard error. Exit codes: 0 success; 64 wrong usage; 255 the directory cannot be \
            used; others as in the help of each command.
            """,
        subcommands: [
            InitCommand.self, CellCommand.self, InstanceCommand.self, HostCommand.self, Ping.self, Call.self, Cast.self,
            Serve.self, NotifyCommand.self, SpoolCommand.self, ConformanceCommand.self,
        ])
}
