public import Logging
public import SwitchboardCore
public import SwitchboardMessaging

/// Runs a manager of the cells' message queues while `body` runs.
///
///     try await withCells(directory: directory, drivers: .rabbitMQ()) { cells in
///         try await cells.withTargetCell(forInstance: uuid, context) { context in
///             try await client.call("reboot_instance", arguments, to: host, context: context)
///         }
///     }
///
/// When `body` ends, the connections to all cells close.
///
/// - Parameters:
///   - directory: has the mappings.
///   - drivers: the drivers that the program has. The scheme of each cell's URL chooses one.
///   - base: the process's own URLs, which fill in the templates of the mappings.
///   - configuration: how the manager keeps connections to cells.
///   - telemetry: the tracer and the metrics backend that the connections report to.
///   - logger: receives what the manager and its connections log.
///   - body: runs in the caller's task, with the manager.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws.
public func withCells<Result>(
    directory: any CellDirectory,
    drivers: DriverPlugin...,
    base: BaseURLs = BaseURLs(),
    configuration: CellConnectionConfiguration = CellConnectionConfiguration(),
    telemetry: Telemetry = Telemetry(),
    logger: Logger = Logger(label: "switchboard"),
    _ body: (CellContextManager) async throws -> Result
) async throws -> Result {
    let manager = CellContextManager(
        directory: directory, drivers: DriverRegistry(drivers), base: base, configuration: configuration,
        telemetry: telemetry, logger: logger)
    return try await withRunning(manager) { try await body(manager) }
}
