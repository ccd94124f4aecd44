import ArgumentParser
import SwitchboardCells
import SwitchboardCore

/// Which hosts are asked, and how: what `watch` and `check hosts` share.
struct SweepOptions: ParsableArguments {
    @Option(help: "Only the hosts of this cell: its UUID or name. Give it again for more.")
    var cell: [String] = []
    @Flag(help: "Ask the hosts of disabled cells as well.")
    var includeDisabled = false
    @Option(help: "The topic that the hosts serve.")
    var topic = "compute"
    @Option(help: "The exchange of the topic: the control_exchange of the hosts' services.")
    var exchange = "nova"
    @Option(
        name: .customLong("timeout"), parsing: .unconditional,
        help: .time("Until an answer is too late", "Default: the profile's, or 10."))
    var givenTimeout: TimeSpan?
    @Option(parsing: .unconditional, help: .time("A host that answers later is slow"))
    var slow: TimeSpan = 1
    @Option(help: ArgumentHelp("The most requests a second in a cell, which go out together.", valueName: "number"))
    var rate = 50.0
    @OptionGroup var base: BaseOptions
    @OptionGroup var directory: DirectoryOptions

    func validate() throws {
        if !(rate > 0 && rate <= 1e6) { throw ValidationError("--rate is a number over 0, at most 1000000.") }
        try givenTimeout?.validate(as: "--timeout")
        try slow.validate(as: "--slow")
        if topic.isEmpty { throw ValidationError("--topic is not empty.") }
    }

    var timeout: Duration { givenTimeout?.duration ?? CommandSettings.current.timeout ?? .seconds(10) }

    func configuration(asksTwice: Bool) -> HostSweep.Configuration {
        HostSweep.Configuration(
            topic: Topic(topic, exchange: exchange), timeout: timeout,
            classifier: HostClassifier(slow: slow.duration), rate: rate, asksTwice: asksTwice)
    }

    /// The connections to the cells, which live while they run.
    func connections() throws -> CellConnections {
        CellConnections(base: try base.urls, drivers: .all, logger: messageLogger())
    }
}
