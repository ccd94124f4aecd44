import NovaCompute
import SwitchboardMessaging

extension ComputeCase {
    static let liveMigration = [
        ComputeCase("check_can_live_migrate_destination", reply: anObject) { api, inputs, context in
            let data = try await api.checkCanLiveMigrateDestination(
                inputs.object("instance"), destination: Inputs.host, blockMigration: inputs.bool("block_migration"),
                diskOverCommit: inputs.bool("disk_over_commit"), migration: inputs.object("migration"),
                limits: inputs.object("limits"), context: context)
            try require(data.version == "1.14")
        },
        ComputeCase("check_can_live_migrate_source", reply: anObject) { api, inputs, context in
            let data = try await api.checkCanLiveMigrateSource(
                inputs.object("instance"), destinationCheckData: inputs.object("dest_check_data"), context: context)
            try require(data.version == "1.14")
        },
        ComputeCase("check_instance_shared_storage", reply: true) { api, inputs, context in
            let isShared = try await api.checkInstanceSharedStorage(
                .object(inputs.dictionary("data")), instance: inputs.object("instance"), on: Inputs.host,
                context: context)
            try require(isShared)
        },
        ComputeCase("live_migration") { api, inputs, context in
            try await api.liveMigration(
                of: inputs.object("instance"), to: inputs.string("dest"),
                blockMigration: inputs.bool("block_migration"), on: Inputs.host,
                migration: inputs.object("migration"), migrateData: inputs.object("migrate_data"), context: context)
        },
        ComputeCase("live_migration_force_complete") { api, inputs, context in
            try await api.liveMigrationForceComplete(
                of: inputs.object("instance"), migration: inputs.object("migration"), context: context)
        },
        ComputeCase("live_migration_abort") { api, inputs, context in
            try await api.liveMigrationAbort(
                of: inputs.object("instance"), migrationID: inputs.int("migration_id"), context: context)
        },
        ComputeCase("pre_live_migration", reply: anObject) { api, inputs, context in
            let data = try await api.preLiveMigration(
                of: inputs.object("instance"), disk: inputs.string("disk"), on: Inputs.host,
                migrateData: inputs.object("migrate_data"), context: context)
            try require(data.version == "1.14")
        },
        ComputeCase("post_live_migration_at_destination") { api, inputs, context in
            try await api.postLiveMigrationAtDestination(
                of: inputs.object("instance"), blockMigration: inputs.bool("block_migration"), on: Inputs.host,
                context: context)
        },
        ComputeCase("rollback_live_migration_at_destination") { api, inputs, context in
            try await api.rollbackLiveMigrationAtDestination(
                of: inputs.object("instance"), on: Inputs.host, destroysDisks: inputs.bool("destroy_disks"),
                migrateData: inputs.object("migrate_data"), context: context)
        },
        ComputeCase("drop_move_claim_at_destination") { api, inputs, context in
            try await api.dropMoveClaimAtDestination(
                of: inputs.object("instance"), on: Inputs.host, context: context)
        },
    ]

    static let resize = [
        ComputeCase("prep_resize") { api, inputs, context in
            try await api.prepResize(
                inputs.object("instance"), image: inputs.dictionary("image"), flavor: inputs.object("flavor"),
                on: Inputs.host, migration: inputs.object("migration"), requestSpec: inputs.object("request_spec"),
                legacyRequestSpec: ["num_instances": 1], filterProperties: inputs.dictionary("filter_properties"),
                node: inputs.string("node"), cleanShutdown: true, alternatives: inputs.objects("host_list"),
                context: context)
        },
        ComputeCase("resize_instance") { api, inputs, context in
            try await api.resizeInstance(
                inputs.object("instance"), migration: inputs.object("migration"), image: inputs.dictionary("image"),
                flavor: inputs.object("flavor"), requestSpec: inputs.object("request_spec"), context: context)
        },
        ComputeCase("finish_resize") { api, inputs, context in
            try await api.finishResize(
                of: inputs.object("instance"), migration: inputs.object("migration"),
                image: inputs.dictionary("image"), diskInfo: inputs.string("disk_info"), on: Inputs.host,
                requestSpec: inputs.object("request_spec"), context: context)
        },
        ComputeCase("confirm_resize") { api, inputs, context in
            try await api.confirmResize(
                of: inputs.object("instance"), migration: inputs.object("migration"), on: nil, context: context)
        },
        ComputeCase("revert_resize") { api, inputs, context in
            try await api.revertResize(
                of: inputs.object("instance"), migration: inputs.object("migration"), on: nil,
                requestSpec: inputs.object("request_spec"), context: context)
        },
        ComputeCase("finish_revert_resize") { api, inputs, context in
            try await api.finishRevertResize(
                of: inputs.object("instance"), migration: inputs.object("migration"), on: Inputs.host,
                requestSpec: inputs.object("request_spec"), context: context)
        },
    ]

    static let crossCell = [
        ComputeCase("prep_snapshot_based_resize_at_dest", reply: NovaObject("MigrationContext", version: "1.2").json) {
            let context = try await $0.prepSnapshotBasedResizeAtDestination(
                of: $1.object("instance"), flavor: $1.object("flavor"), nodeName: $1.string("nodename"),
                migration: $1.object("migration"), limits: $1.object("limits"),
                requestSpec: $1.object("request_spec"), on: Inputs.host, context: $2)
            try require(context.name == "MigrationContext")
        },
        ComputeCase("prep_snapshot_based_resize_at_source") { api, inputs, context in
            try await api.prepSnapshotBasedResizeAtSource(
                of: inputs.object("instance"), migration: inputs.object("migration"),
                snapshotID: inputs.string("snapshot_id"), context: context)
        },
        ComputeCase("finish_snapshot_based_resize_at_dest") { api, inputs, context in
            try await api.finishSnapshotBasedResizeAtDestination(
                of: inputs.object("instance"), migration: inputs.object("migration"),
                snapshotID: inputs.string("snapshot_id"), requestSpec: inputs.object("request_spec"),
                context: context)
        },
        ComputeCase("confirm_snapshot_based_resize_at_source") { api, inputs, context in
            try await api.confirmSnapshotBasedResizeAtSource(
                of: inputs.object("instance"), migration: inputs.object("migration"), context: context)
        },
        ComputeCase("revert_snapshot_based_resize_at_dest") { api, inputs, context in
            try await api.revertSnapshotBasedResizeAtDestination(
                of: inputs.object("instance"), migration: inputs.object("migration"), context: context)
        },
        ComputeCase("finish_revert_snapshot_based_resize_at_source") { api, inputs, context in
            try await api.finishRevertSnapshotBasedResizeAtSource(
                of: inputs.object("instance"), migration: inputs.object("migration"), context: context)
        },
    ]
}
