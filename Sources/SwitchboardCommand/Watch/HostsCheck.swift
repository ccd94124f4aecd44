import ArgumentParser
import SwitchboardCells
import SwitchboardCore

struct HostsCheck: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts",
        abstract: "Asks every mapped host of every cell for a sign of life, once.",
        discussion: """
            One sweep of 'switchboard watch', whose help says what the hosts' states mean. A host that doesn't answer is asked a \
            second time before it counts.

            A cell whose queue can't be used fails, and its hosts don't count as deaf. A cell none of whose hosts answers fails. \
            Of all hosts, so many may be deaf or absent as --warning and --critical say. A slow host is a warning.

            For example, for Nagios: switchboard check hosts --output nagios --warning 0 --critical 5

            Exit codes: 0 all is well; 1 there are warnings; 2 something fails, or the mappings can't be read; 3 nothing could be \
            checked, as no host is mapped or there is no such cell; 74 the report cannot be written. With --output nagios they are Nagios' OK, WARNING, CRITICAL and UNKNOWN.
            """)

    @Option(help: ArgumentHelp("More deaf or absent hosts are a warning.", valueName: "number"))
    var warning = 0
    @Option(help: ArgumentHelp("More deaf or absent hosts are a failure.", valueName: "number"))
    var critical = 10
    @OptionGroup var sweep: SweepOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: CheckOutputOptions

    func validate() throws {
        if warning < 0 || critical < 0 { throw ValidationError("--warning and --critical are numbers of 0 or more.") }
        if warning > critical { throw ValidationError("--warning is not over --critical: it would never be told.") }
    }

    func run() async throws {
        try await reportingMessageFailures {
            let thresholds = CheckThresholds(.above, warning: Double(warning), critical: Double(critical))
            let connections = try sweep.connections()
            let listing: HostListing
            do {
                listing = try await HostListing.read(
                    from: sweep.directory.open(forWriting: false), only: sweep.cell,
                    includingDisabled: sweep.includeDisabled)
            } catch let error as CellError where [.unknownCell, .ambiguousName].contains(error.code) {
                let result = CheckResult.skipped("mapping", because: error.message)
                return try output.finish(
                    CheckReport("hosts", subjects: [.init("the directory", results: [result])]))
            } catch let error as ValidationError {
                throw error
            } catch {
                return try output.finish(Self.unreadable(error))
            }
            let observations = try await Self.look(
                listing, HostSweep(configuration: sweep.configuration(asksTwice: true), connections: connections))
            try output.finish(
                HostsReport(
                    thresholds: thresholds, listing: listing, observations: observations,
                    topic: Topic(sweep.topic, exchange: sweep.exchange)
                ).report)
        }
    }

    /// One sweep, with the connections of its own.
    static func look(_ listing: HostListing, _ sweep: HostSweep) async throws -> [CellID: CellObservation] {
        let observations = Locked<[CellID: CellObservation]>([:])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sweep.connections.run() }
            defer { group.cancelAll() }
            try await sweep.run(over: listing, within: .zero) { observation in
                observations.withLock { $0[observation.cell.id] = observation }
            }
        }
        return observations.withLock { $0 }
    }

    private static func unreadable(_ error: any Error) -> CheckReport {
        let reason = (error as? CellError)?.message ?? (error as? Failure)?.message ?? "\(error)"
        let result = CheckResult.failed(
            "mapping", reason,
            .init(
                "Without mappings it isn't known which hosts there should be.",
                do: "Look at --database, and whether the directory can be read."))
        return CheckReport("hosts", subjects: [.init("the directory", results: [result])])
    }
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks for monitoring: a report in one of four formats, thresholds, and an exit code.",
        subcommands: [HostsCheck.self])
}
