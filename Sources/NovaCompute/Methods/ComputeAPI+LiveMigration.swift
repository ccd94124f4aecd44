public import SwitchboardMessaging

/// Moving an instance to another host while it runs.
extension ComputeAPI {
    /// Whether the computes behind a context's queue can migrate instances with a NUMA topology live. Asks nobody: it
    /// is what the pin says.
    public func supportsNUMALiveMigration(context: RequestContext) throws -> Bool {
        let pin = try pin(for: context)
        return pin.allows("6.0") || pin.allows("5.3")
    }

    /// Asks a host whether it can take an instance; returns its migration data (a LiveMigrateData). A long call.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - destination: the destination host.
    ///   - blockMigration: whether to copy the disks; `nil` lets the hosts find out.
    ///   - diskOverCommit: whether disk space may be overcommitted.
    ///   - migration: a Migration, and `limits` a SchedulerLimits; hosts before 5.3 are not sent them.
    ///   - limits: a SchedulerLimits.
    ///   - context: who asks, and through which queue.
    public func checkCanLiveMigrateDestination(
        _ instance: NovaObject, destination: String, blockMigration: Bool?, diskOverCommit: Bool?,
        migration: NovaObject?, limits: NovaObject?, context: RequestContext
    ) async throws -> NovaObject {
        try await call(
            ComputeMethod("check_can_live_migrate_destination", versions: ["6.0", "5.3", "5.0"], isLong: true),
            to: destination, context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "block_migration": blockMigration, "disk_over_commit": diskOverCommit,
            ]
            if version >= "5.3" {
                arguments.set("migration", migration)
                arguments.set("limits", limits)
            }
            return arguments
        }.object
    }

    /// Asks an instance's host whether it can send it; returns the migration data with its own added.
    public func checkCanLiveMigrateSource(
        _ instance: NovaObject, destinationCheckData: NovaObject, context: RequestContext
    ) async throws -> NovaObject {
        try await call(
            "check_can_live_migrate_source", to: host(of: instance),
            ["instance": instance, "dest_check_data": destinationCheckData], context: context
        ).object
    }

    /// Asks a host whether it sees a file that another one made: whether they share the instances' storage.
    ///
    /// - Parameters:
    ///   - data: what the hypervisor's driver of the other host made for this question.
    ///   - instance: whose host is asked when `host` is `nil`; hosts before 6.0 are sent it.
    ///   - host: the host; `nil` means the instance's own.
    ///   - context: who asks, and through which queue.
    public func checkInstanceSharedStorage(
        _ data: JSONValue, instance: NovaObject? = nil, on host: String? = nil, context: RequestContext
    ) async throws -> Bool {
        try await call(
            ComputeMethod("check_instance_shared_storage", topic: .computeAlt), to: self.host(host, of: instance),
            context: context
        ) { version in
            var arguments: ComputeArguments = ["data": data]
            if version < "6.0" { arguments.set("instance", instance) }
            return arguments
        }.bool
    }

    /// Begins a live migration, at the source. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - destination: the destination host.
    ///   - blockMigration: whether the instance's disks are copied.
    ///   - host: the source.
    ///   - migration: the Migration.
    ///   - migrateData: what
    ///     ``checkCanLiveMigrateDestination(_:destination:blockMigration:diskOverCommit:migration:limits:context:)``
    ///     returned.
    ///   - context: who asks, and through which queue.
    public func liveMigration(
        of instance: NovaObject, to destination: String, blockMigration: Bool?, on host: String,
        migration: NovaObject?, migrateData: NovaObject? = nil, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("live_migration", topic: .computeAlt), to: host,
            [
                "instance": instance, "dest": destination, "block_migration": blockMigration,
                "migrate_data": migrateData, "migration": migration,
            ], context: context)
    }

    /// Makes a live migration end soon, if need be by pausing the instance. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: a Migration, whose source host is asked.
    ///   - context: who asks, and through which queue.
    public func liveMigrationForceComplete(
        of instance: NovaObject, migration: NovaObject, context: RequestContext
    ) async throws {
        try await cast(
            "live_migration_force_complete", to: host(migration["source_compute"]?.string, of: instance),
            ["instance": instance], context: context)
    }

    /// Ends a live migration; the instance stays where it is. Returns once the request is on its way.
    public func liveMigrationAbort(
        of instance: NovaObject, migrationID: Int, context: RequestContext
    ) async throws {
        try await cast(
            "live_migration_abort", to: host(of: instance), ["instance": instance, "migration_id": migrationID],
            context: context)
    }

    /// Prepares a host for an instance that comes; returns the migration data with its own added. A long call.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - disk: what the source's hypervisor says of the disks, as text.
    ///   - host: the host.
    ///   - migrateData: the LiveMigrateData.
    ///   - context: who asks, and through which queue.
    public func preLiveMigration(
        of instance: NovaObject, disk: String?, on host: String, migrateData: NovaObject, context: RequestContext
    ) async throws -> NovaObject {
        try await call(
            ComputeMethod("pre_live_migration", topic: .computeAlt, isLong: true), to: host, context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance, "disk": disk, "migrate_data": migrateData]
            // Version 5 requires an argument that no compute looks at.
            if version < "6.0" { arguments.set("block_migration", JSONValue.null) }
            return arguments
        }.object
    }

    /// Finishes a live migration at the destination, and waits until it is. A long call.
    public func postLiveMigrationAtDestination(
        of instance: NovaObject, blockMigration: Bool?, on host: String, context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod("post_live_migration_at_destination", topic: .computeAlt, isLong: true), to: host,
            ["instance": instance, "block_migration": blockMigration], context: context)
    }

    /// Undoes at the destination what a failed live migration did there. Returns once the request is on its way.
    public func rollbackLiveMigrationAtDestination(
        of instance: NovaObject, on host: String, destroysDisks: Bool, migrateData: NovaObject?,
        context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("rollback_live_migration_at_destination", topic: .computeAlt), to: host,
            ["instance": instance, "destroy_disks": destroysDisks, "migrate_data": migrateData], context: context)
    }

    /// Frees what the destination of a failed live migration had claimed, and waits until it has. Needs 5.3.
    public func dropMoveClaimAtDestination(
        of instance: NovaObject, on host: String, context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod("drop_move_claim_at_destination", versions: ["6.0", "5.3"], topic: .computeAlt), to: host,
            ["instance": instance], context: context)
    }
}
