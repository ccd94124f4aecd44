internal import SwitchboardCore

/// Maps a cell's instances that have no mapping, as `nova-manage cell_v2 map_instances` does: in the same order, and with the
/// same marker, so that either program continues where the other stopped.
///
/// The marker moves with every batch, in the same transaction as the mappings: a run that is interrupted loses nothing. One that
/// another cell's run has left stays for that one.
public struct InstanceDiscovery: Sendable {
    /// What a run did.
    public struct Outcome: Sendable, Hashable {
        /// The number of instances that were looked at, without those that Nova hides.
        public var seen = 0
        public var added = 0
        /// The number of instances that had a mapping to the cell already.
        public var unchanged = 0
        /// The number of instances that are mapped to another cell, and stay there.
        public var elsewhere = 0
        /// The number of instances that can't be mapped, because they have no UUID or no project.
        public var unusable = 0
        /// Where the run began; `nil`: with the first instance.
        public var resumedAfter: String?
        /// Whether the end was reached. As in Nova, a run whose maximum is just reached doesn't know.
        public var isComplete = false

        public init() {}
    }

    private let directory: any MutableCellDirectory
    private let cell: CellMapping
    private let database: any CellDatabase
    private let batchSize: Int
    private let batchTimeout: Duration

    /// - Parameters:
    ///   - directory: where the instances are mapped.
    ///   - cell: the cell that they are mapped to.
    ///   - database: the cell's database.
    ///   - batchSize: how many instances are read and mapped at a time.
    ///   - batchTimeout: how long reading them may take.
    public init(
        into directory: any MutableCellDirectory, of cell: CellMapping, from database: any CellDatabase,
        batchSize: Int = 5000, batchTimeout: Duration = .seconds(60)
    ) {
        self.directory = directory
        self.cell = cell
        self.database = database
        self.batchSize = max(1, batchSize)
        self.batchTimeout = batchTimeout
    }

    /// Maps instances, from the marker on if the cell has one.
    ///
    /// - Parameters:
    ///   - maximum: how many instances to look at. `nil` means all, and needs no directory that keeps markers.
    ///   - resumes: whether to begin at the marker. Otherwise the run begins with the first instance.
    ///   - progress: called after each batch, with what was done so far.
    /// - Throws: ``CellError``; ``CellError/Code/unsupported`` for a maximum in a directory that keeps no markers.
    public func run(
        maximum: Int? = nil, resumes: Bool = true, progress: @Sendable (Outcome) -> Void = { _ in }
    ) async throws -> Outcome {
        let keepsMarkers = directory.keepsInstanceMarkers
        if maximum != nil, !keepsMarkers {
            throw CellError(
                .unsupported,
                "This directory can't note how far the mapping has come, so that a maximum would begin again each time."
            )
        }
        var marker = try await ownMarker()
        var outcome = Outcome()
        outcome.resumedAfter = resumes ? marker : nil
        var position = outcome.resumedAfter
        while true {
            try Task.checkCancellation()
            let batch = try await inTime { [position, outcome] in
                try await read(after: position, limit: maximum.map { $0 - outcome.seen } ?? .max)
            }
            outcome.seen += batch.visible.count
            // As in Nova: the maximum was reached, and whether there is more isn't known.
            let isStopped = maximum.map { outcome.seen >= $0 } ?? false
            let isAtEnd = batch.isLast && !isStopped
            let next = isAtEnd ? nil : batch.last
            let mappings = mappings(of: batch.visible)
            outcome.unusable += batch.visible.count - mappings.count
            let result = try await directory.addInstances(
                mappings, to: cell.id, marker: keepsMarkers ? InstanceMarker.Step(from: marker, to: next) : nil)
            outcome.added += result.added
            outcome.unchanged += result.unchanged
            outcome.elsewhere += result.elsewhere
            marker = next
            position = next
            outcome.isComplete = isAtEnd
            progress(outcome)
            if isAtEnd || isStopped { return outcome }
        }
    }

    /// The marker whose instance is in this cell's database. Others are of other cells.
    private func ownMarker() async throws -> String? {
        for marker in try await directory.instanceMarkers() {
            let uuid = marker.instanceUUID
            if try await inTime({ try await database.instance(uuid) }) != nil { return uuid }
        }
        return nil
    }

    private struct Batch: Sendable {
        var visible: [CellInstance] = []
        /// The last instance that was read, hidden ones included.
        var last: String?
        var isLast = false
    }

    private func read(after position: String?, limit: Int) async throws -> Batch {
        let instances = try await database.instances(after: position, limit: batchSize)
        var batch = Batch(last: position)
        for instance in instances where batch.visible.count < limit {
            if instance.isHidden { continue }
            batch.visible.append(instance)
            batch.last = instance.uuid
        }
        if batch.visible.count < limit {
            batch.last = instances.last?.uuid ?? position
            batch.isLast = instances.count < batchSize
        }
        return batch
    }

    private func mappings(of instances: [CellInstance]) -> [InstanceMapping] {
        instances.compactMap { instance in
            guard let projectID = instance.projectID else { return nil }
            let mapping = InstanceMapping(
                instanceUUID: instance.uuid, cell: cell.id, projectID: projectID, userID: instance.userID)
            return (try? mapping.checkForStorage()) == nil ? nil : mapping
        }
    }

    private func inTime<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withDeadline(
            batchTimeout,
            late: CellError(
                .directoryUnavailable,
                "The database of the cell \(cell.identity) did not answer within \(batchTimeout).", cell: cell.identity),
            body)
    }
}
