import NovaCompute
import SwitchboardCore
import SwitchboardMessaging

/// The arguments of a request, by Nova's names for them: those of a captured one, or stand-ins.
struct Inputs: Sendable {
    private let captured: JSONObject

    init(_ captured: JSONObject = [:]) {
        self.captured = captured
    }

    /// An object; `nil` where `null` was captured.
    func optionalObject(_ name: String) throws -> NovaObject? {
        switch captured[name] {
        case .null?: nil
        case let value?: try NovaObject(json: value)
        case nil: Self.standIns[name]
        }
    }

    func object(_ name: String) throws -> NovaObject {
        guard let object = try optionalObject(name) else { throw MissingData() }
        return object
    }

    func objects(_ name: String) throws -> [NovaObject] {
        guard case .array(let elements)? = captured[name] else { return [] }
        return try elements.map { try NovaObject(json: $0) }
    }

    func string(_ name: String) -> String { captured[name]?.string ?? "the \(name)" }

    func optionalString(_ name: String) -> String? { captured[name] == .null ? nil : string(name) }

    func secret(_ name: String) -> Secret? { optionalString(name).map { Secret($0) } }

    func strings(_ name: String) -> [String] {
        guard case .array(let elements)? = captured[name] else { return [] }
        return elements.compactMap(\.string)
    }

    func bool(_ name: String) -> Bool { captured[name]?.bool ?? false }

    func int(_ name: String) -> Int { Int(captured[name]?.integer ?? 1) }

    func values(_ name: String) -> [JSONValue] {
        guard case .array(let elements)? = captured[name] else { return [] }
        return elements
    }

    func dictionary(_ name: String) -> JSONObject {
        guard case .object(let object)? = captured[name] else { return ["a": 1] }
        return object
    }

    func optionalDictionary(_ name: String) -> JSONObject? {
        captured[name] == .null ? nil : dictionary(name)
    }

    static let host = ComputeHost.name

    private static let standIns: [String: NovaObject] = [
        "instance": NovaObject("Instance", version: "2.3", fields: ["uuid": "an-id", "host": .string(host)]),
        "migration": NovaObject(
            "Migration", version: "1.5",
            fields: ["source_compute": .string(host), "dest_compute": .string(host)]),
        "request_spec": NovaObject("RequestSpec", version: "1.8"),
        "flavor": NovaObject("Flavor", version: "1.2"),
        "limits": NovaObject("SchedulerLimits", version: "1.0"),
        "bdm": NovaObject("BlockDeviceMapping", version: "1.19"),
        "bdms": NovaObject(list: "BlockDeviceMappingList", version: "1.17"),
        "block_device_mapping": NovaObject(list: "BlockDeviceMappingList", version: "1.17"),
        "requested_networks": NovaObject(list: "NetworkRequestList", version: "1.1"),
        "migrate_data": NovaObject("LibvirtLiveMigrateData", version: "1.5"),
        "dest_check_data": NovaObject("LibvirtLiveMigrateData", version: "1.5"),
        "share_mapping": NovaObject("ShareMapping", version: "1.0"),
    ]
}

/// A method of the RPC API, and the function that sends it.
struct ComputeCase: Sendable {
    typealias Send = @Sendable (ComputeAPI, Inputs, RequestContext) async throws -> Void

    let method: String
    /// What the function needs to be replied.
    let reply: JSONValue
    let send: Send

    init(_ method: String, reply: JSONValue = .null, _ send: @escaping Send) {
        self.method = method
        self.reply = reply
        self.send = send
    }

    static let anObject = NovaObject("LibvirtLiveMigrateData", version: "1.14").json

    static let all = power + building + consoles + hosts + networks + volumes + liveMigration + resize + crossCell
    static let byMethod = Dictionary(uniqueKeysWithValues: all.map { ($0.method, $0) })

    private static let power = [
        ComputeCase("start_instance") { try await $0.startInstance($1.object("instance"), context: $2) },
        ComputeCase("stop_instance") { try await $0.stopInstance($1.object("instance"), context: $2) },
        ComputeCase("reboot_instance") { api, inputs, context in
            try await api.rebootInstance(
                inputs.object("instance"), type: inputs.string("reboot_type"),
                blockDeviceInfo: inputs.optionalDictionary("block_device_info"), context: context)
        },
        ComputeCase("pause_instance") { try await $0.pauseInstance($1.object("instance"), context: $2) },
        ComputeCase("unpause_instance") { try await $0.unpauseInstance($1.object("instance"), context: $2) },
        ComputeCase("suspend_instance") { try await $0.suspendInstance($1.object("instance"), context: $2) },
        ComputeCase("resume_instance") { try await $0.resumeInstance($1.object("instance"), context: $2) },
        ComputeCase("rescue_instance") { api, inputs, context in
            try await api.rescueInstance(
                inputs.object("instance"), password: inputs.secret("rescue_password"), context: context)
        },
        ComputeCase("unrescue_instance") { try await $0.unrescueInstance($1.object("instance"), context: $2) },
        ComputeCase("soft_delete_instance") { try await $0.softDeleteInstance($1.object("instance"), context: $2) },
        ComputeCase("restore_instance") { try await $0.restoreInstance($1.object("instance"), context: $2) },
        ComputeCase("terminate_instance") { api, inputs, context in
            try await api.terminateInstance(
                inputs.object("instance"), blockDevices: inputs.object("bdms"), context: context)
        },
        ComputeCase("trigger_crash_dump") { try await $0.triggerCrashDump($1.object("instance"), context: $2) },
        ComputeCase("set_admin_password") { api, inputs, context in
            try await api.setAdminPassword(
                inputs.object("instance"), password: inputs.secret("new_pass"), context: context)
        },
    ]

    private static let building = [
        ComputeCase("build_and_run_instance") { api, inputs, context in
            // Sent as a dictionary of what is set, in the order of the object's fields.
            let limits = NovaObject(
                "SchedulerLimits", version: "1.0",
                fields: ["numa_topology": nil, "vcpu": 16, "disk_gb": nil, "memory_mb": 1024])
            try await api.buildAndRunInstance(
                inputs.object("instance"), on: Inputs.host, image: inputs.dictionary("image"),
                requestSpec: inputs.object("request_spec"),
                filterProperties: inputs.dictionary("filter_properties"),
                adminPassword: inputs.secret("admin_password"), injectedFiles: inputs.values("injected_files"),
                requestedNetworks: inputs.object("requested_networks"),
                blockDevices: inputs.object("block_device_mapping"), node: inputs.string("node"), limits: limits,
                alternatives: inputs.objects("host_list"), acceleratorRequests: inputs.strings("accel_uuids"),
                context: context)
        },
        ComputeCase("rebuild_instance") { api, inputs, context in
            try await api.rebuildInstance(
                inputs.object("instance"), on: Inputs.host, newPassword: inputs.secret("new_pass"),
                injectedFiles: inputs.values("injected_files"), imageID: inputs.string("image_ref"),
                originalImageID: inputs.string("orig_image_ref"),
                originalSystemMetadata: inputs.dictionary("orig_sys_metadata"), blockDevices: inputs.object("bdms"),
                requestSpec: inputs.object("request_spec"), context: context)
        },
        ComputeCase("shelve_instance") { api, inputs, context in
            try await api.shelveInstance(
                inputs.object("instance"), imageID: inputs.string("image_id"),
                acceleratorRequests: inputs.strings("accel_uuids"), context: context)
        },
        ComputeCase("shelve_offload_instance") { api, inputs, context in
            try await api.shelveOffloadInstance(
                inputs.object("instance"), acceleratorRequests: inputs.strings("accel_uuids"), context: context)
        },
        ComputeCase("unshelve_instance") { api, inputs, context in
            try await api.unshelveInstance(
                inputs.object("instance"), on: Inputs.host, requestSpec: inputs.object("request_spec"),
                image: inputs.dictionary("image"), filterProperties: inputs.dictionary("filter_properties"),
                node: inputs.string("node"), acceleratorRequests: inputs.strings("accel_uuids"), context: context)
        },
        ComputeCase("snapshot_instance") { api, inputs, context in
            try await api.snapshotInstance(
                inputs.object("instance"), imageID: inputs.string("image_id"), context: context)
        },
        ComputeCase("backup_instance") { api, inputs, context in
            try await api.backupInstance(
                inputs.object("instance"), imageID: inputs.string("image_id"), type: inputs.string("backup_type"),
                rotation: inputs.int("rotation"), context: context)
        },
    ]

    private static let consoles = [
        ComputeCase("get_console_output", reply: "boot log") { api, inputs, context in
            let output = try await api.consoleOutput(
                of: inputs.object("instance"), tailLength: inputs.int("tail_length"), context: context)
            try require(output == "boot log")
        },
        ComputeCase("get_vnc_console", reply: ["port": 5900]) { api, inputs, context in
            let console = try await api.vncConsole(
                of: inputs.object("instance"), type: inputs.string("console_type"), context: context)
            try require(console["port"] == 5900)
        },
        ComputeCase("get_spice_console", reply: ["port": 5901]) { api, inputs, context in
            let console = try await api.spiceConsole(
                of: inputs.object("instance"), type: inputs.string("console_type"), context: context)
            try require(console["port"] == 5901)
        },
        ComputeCase("get_mks_console", reply: ["port": 5902]) { api, inputs, context in
            let console = try await api.mksConsole(
                of: inputs.object("instance"), type: inputs.string("console_type"), context: context)
            try require(console["port"] == 5902)
        },
        ComputeCase("get_serial_console", reply: ["port": 5903]) { api, inputs, context in
            let console = try await api.serialConsole(
                of: inputs.object("instance"), type: inputs.string("console_type"), context: context)
            try require(console["port"] == 5903)
        },
        ComputeCase("validate_console_port", reply: true) { api, inputs, context in
            let isValid = try await api.validateConsolePort(
                of: inputs.object("instance"), port: inputs.int("port"), type: inputs.string("console_type"),
                context: context)
            try require(isValid)
        },
        ComputeCase("get_diagnostics", reply: ["cpu0_time": 7]) { api, inputs, context in
            let diagnostics = try await api.diagnostics(of: inputs.object("instance"), context: context)
            try require(diagnostics["cpu0_time"] == 7)
        },
        ComputeCase("get_instance_diagnostics", reply: NovaObject("Diagnostics", version: "1.0").json) {
            let diagnostics = try await $0.instanceDiagnostics(of: $1.object("instance"), context: $2)
            try require(diagnostics.name == "Diagnostics")
        },
    ]

    private static let hosts = [
        ComputeCase("get_host_uptime", reply: "up 9 days") { api, _, context in
            let uptime = try await api.hostUptime(of: Inputs.host, context: context)
            try require(uptime == "up 9 days")
        },
        ComputeCase("set_host_enabled", reply: "enabled") { api, _, context in
            let state = try await api.setHostEnabled(true, on: Inputs.host, context: context)
            try require(state == "enabled")
        },
        ComputeCase("host_power_action") { api, inputs, context in
            let state = try await api.hostPowerAction(inputs.string("action"), on: Inputs.host, context: context)
            try require(state == nil)
        },
        ComputeCase("host_maintenance_mode", reply: "on_maintenance") { api, inputs, context in
            let state = try await api.hostMaintenanceMode(
                inputs.bool("mode"), for: inputs.string("host"), on: Inputs.host, context: context)
            try require(state == "on_maintenance")
        },
        ComputeCase("cache_images", reply: ["an-image": "cached"]) { api, inputs, context in
            let states = try await api.cacheImages(inputs.strings("image_ids"), on: Inputs.host, context: context)
            try require(states["an-image"] == "cached")
        },
    ]

    private static let networks = [
        ComputeCase("add_fixed_ip_to_instance") { api, inputs, context in
            try await api.addFixedIP(
                toInstance: inputs.object("instance"), networkID: inputs.string("network_id"), context: context)
        },
        ComputeCase("remove_fixed_ip_from_instance") { api, inputs, context in
            try await api.removeFixedIP(
                fromInstance: inputs.object("instance"), address: inputs.string("address"), context: context)
        },
        ComputeCase("attach_interface", reply: ["id": "a-port"]) { api, inputs, context in
            let interface = try await api.attachInterface(
                to: inputs.object("instance"), networkID: inputs.string("network_id"),
                portID: inputs.string("port_id"), requestedIP: inputs.string("requested_ip"),
                tag: inputs.optionalString("tag"), context: context)
            try require(interface["id"] == "a-port")
        },
        ComputeCase("detach_interface") { api, inputs, context in
            try await api.detachInterface(
                from: inputs.object("instance"), portID: inputs.string("port_id"), context: context)
        },
        ComputeCase("inject_network_info") { try await $0.injectNetworkInfo(into: $1.object("instance"), context: $2) },
        ComputeCase("external_instance_event") { api, inputs, context in
            let event = NovaObject("InstanceExternalEvent", version: "1.2", fields: ["name": "network-changed"])
            try await api.externalInstanceEvent([event], for: [inputs.object("instance")], context: context)
        },
    ]

    private static let volumes = [
        ComputeCase("attach_volume") { api, inputs, context in
            try await api.attachVolume(
                to: inputs.object("instance"), blockDevice: inputs.object("bdm"), context: context)
        },
        ComputeCase("detach_volume") { api, inputs, context in
            try await api.detachVolume(
                from: inputs.object("instance"), volumeID: inputs.string("volume_id"),
                attachmentID: inputs.string("attachment_id"), context: context)
        },
        ComputeCase("swap_volume") { api, inputs, context in
            try await api.swapVolume(
                of: inputs.object("instance"), oldVolumeID: inputs.string("old_volume_id"),
                newVolumeID: inputs.string("new_volume_id"), newAttachmentID: inputs.string("new_attachment_id"),
                context: context)
        },
        ComputeCase("remove_volume_connection") { api, inputs, context in
            try await api.removeVolumeConnection(
                of: inputs.object("instance"), volumeID: inputs.string("volume_id"), on: Inputs.host,
                deletesAttachment: inputs.bool("delete_attachment"), context: context)
        },
        ComputeCase("reserve_block_device_name", reply: NovaObject("BlockDeviceMapping", version: "1.21").json) {
            let device = try await $0.reserveBlockDeviceName(
                of: $1.object("instance"), device: $1.string("device"), volumeID: $1.string("volume_id"),
                diskBus: $1.string("disk_bus"), deviceType: $1.string("device_type"), tag: $1.optionalString("tag"),
                isMultiattach: $1.bool("multiattach"), context: $2)
            try require(device.name == "BlockDeviceMapping")
        },
        ComputeCase("volume_snapshot_create") { api, inputs, context in
            try await api.createVolumeSnapshot(
                of: inputs.object("instance"), volumeID: inputs.string("volume_id"),
                createInfo: inputs.dictionary("create_info"), context: context)
        },
        ComputeCase("volume_snapshot_delete") { api, inputs, context in
            try await api.deleteVolumeSnapshot(
                of: inputs.object("instance"), volumeID: inputs.string("volume_id"),
                snapshotID: inputs.string("snapshot_id"), deleteInfo: inputs.dictionary("delete_info"),
                context: context)
        },
        ComputeCase("quiesce_instance") { try await $0.quiesceInstance($1.object("instance"), context: $2) },
        ComputeCase("unquiesce_instance") { try await $0.unquiesceInstance($1.object("instance"), context: $2) },
        ComputeCase("allow_share") { api, inputs, context in
            try await api.allowShare(
                inputs.object("share_mapping"), for: inputs.object("instance"), context: context)
        },
        ComputeCase("deny_share") { api, inputs, context in
            try await api.denyShare(inputs.object("share_mapping"), for: inputs.object("instance"), context: context)
        },
    ]
}

struct WrongReply: Error {}

func require(_ isRight: Bool) throws {
    guard isRight else { throw WrongReply() }
}
