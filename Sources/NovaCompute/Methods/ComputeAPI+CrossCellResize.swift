public import SwitchboardMessaging

/// Resizing an instance into another cell, by way of an image of it. All are long calls: the conductor leads, and waits
/// for each step.
extension ComputeAPI {
    /// Claims what an instance needs at the destination; returns a MigrationContext. Needs 5.5.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - flavor: the new flavor.
    ///   - nodeName: the hypervisor's node at the destination.
    ///   - migration: the Migration.
    ///   - limits: a SchedulerLimits.
    ///   - requestSpec: only hosts before 6.0 are sent it.
    ///   - destination: the destination host.
    ///   - context: who asks, and through which queue.
    public func prepSnapshotBasedResizeAtDestination(
        of instance: NovaObject, flavor: NovaObject, nodeName: String, migration: NovaObject, limits: NovaObject?,
        requestSpec: NovaObject?, on destination: String, context: RequestContext
    ) async throws -> NovaObject {
        try await call(
            ComputeMethod("prep_snapshot_based_resize_at_dest", versions: ["6.0", "5.5"], isLong: true),
            to: destination, context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "flavor": flavor, "nodename": nodeName, "migration": migration,
                "limits": limits,
            ]
            if version < "6.0" { arguments.set("request_spec", requestSpec) }
            return arguments
        }.object
    }

    /// Stops an instance at its host, fills an image from it, and lets go of its volumes and ports. Needs 5.6.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - snapshotID: the image to fill; `nil` for an instance that boots from a volume.
    ///   - context: who asks, and through which queue.
    public func prepSnapshotBasedResizeAtSource(
        of instance: NovaObject, migration: NovaObject, snapshotID: String? = nil, context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod(
                "prep_snapshot_based_resize_at_source", versions: ["6.0", "5.6"], topic: .computeAlt, isLong: true),
            to: host(of: instance),
            ["instance": instance, "migration": migration, "snapshot_id": snapshotID], context: context)
    }

    /// Runs an instance at the migration's destination. Needs 5.7.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - snapshotID: the image to run it from; `nil` for an instance that boots from a volume.
    ///   - requestSpec: only hosts before 6.0 are sent it.
    ///   - context: who asks, and through which queue.
    public func finishSnapshotBasedResizeAtDestination(
        of instance: NovaObject, migration: NovaObject, snapshotID: String?, requestSpec: NovaObject?,
        context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod(
                "finish_snapshot_based_resize_at_dest", versions: ["6.0", "5.7"], topic: .computeAlt, isLong: true),
            to: host("dest_compute", ofMigration: migration), context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "migration": migration, "snapshot_id": snapshotID,
            ]
            if version < "6.0" { arguments.set("request_spec", requestSpec) }
            return arguments
        }
    }

    /// Confirms a resize at the migration's source: what was kept there for going back is deleted. Needs 5.8.
    public func confirmSnapshotBasedResizeAtSource(
        of instance: NovaObject, migration: NovaObject, context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod("confirm_snapshot_based_resize_at_source", versions: ["6.0", "5.8"], isLong: true),
            to: host("source_compute", ofMigration: migration), ["instance": instance, "migration": migration],
            context: context)
    }

    /// Goes back from a resize, at the migration's destination: the instance is deleted there. Needs 5.9.
    public func revertSnapshotBasedResizeAtDestination(
        of instance: NovaObject, migration: NovaObject, context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod("revert_snapshot_based_resize_at_dest", versions: ["6.0", "5.9"], isLong: true),
            to: host("dest_compute", ofMigration: migration), ["instance": instance, "migration": migration],
            context: context)
    }

    /// Runs an instance at the migration's source again. Needs 5.10.
    public func finishRevertSnapshotBasedResizeAtSource(
        of instance: NovaObject, migration: NovaObject, context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod(
                "finish_revert_snapshot_based_resize_at_source", versions: ["6.0", "5.10"], topic: .computeAlt,
                isLong: true),
            to: host("source_compute", ofMigration: migration), ["instance": instance, "migration": migration],
            context: context)
    }
}
