#if RabbitMQ
    import ActorSamples
    import Distributed
    import NovaCompute
    import SwitchboardActors
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMessaging
    import Testing

    /// The other side is Nova itself, as its package installs it. One test, because its services take half a minute to
    /// start; it ends with the first thing that is not as it should be.
    @Suite("A real Nova", .timeLimit(.minutes(8)))
    struct RealNovaTests {
        private let context = RequestContext(userID: "alice", projectID: "wonderland", roles: ["member"])

        /// All that a compute needs to know of an instance for most requests; it asks its conductor for the rest.
        private let instance = NovaObject(
            "Instance", version: "2.8",
            fields: [
                "uuid": "20000000-0000-4000-8000-000000000001", "host": .string(RealNova.computeHost),
                "vm_state": "active",
                "power_state": 1,
            ])

        @Test("The conductors of two cells and a compute do what we ask of them, and say what Nova says")
        func cells() async throws {
            try await RealNova.withCells { nova in
                try await services(nova)
                try await actors(nova)
                try await neverCrossed(nova)
                try await nova.manager.withTargetCell(forHost: RealNova.computeHost, context) { context in
                    try await hosts(nova, context)
                    try await consoles(nova, context)
                    try await refusals(nova, context)
                    try await instances(nova, context)
                }
            }
        }

        // MARK: Cells

        private func services(_ nova: RealNova) async throws {
            for cell in [nova.first, nova.second] {
                let answer = try await nova.manager.withTargetCell(cell, context) { context in
                    try await nova.ping("conductor", context: context)
                }
                try #require(answer == ["service": "conductor", "arg": "from conductor"])
            }
            for host in [RealNova.computeHost, RealNova.secondHost] {
                try await nova.manager.withTargetCell(forHost: host, context) { context in
                    for topic in ["compute", "compute-alt"] {
                        let answer = try await nova.ping(topic, at: host, context: context)
                        try #require(answer == ["service": "compute", "arg": .string("from \(topic)")])
                    }
                }
            }
        }

        /// A protocol of two methods is a client of a compute, through the queue of its host's cell.
        private func actors(_ nova: RealNova) async throws {
            let system = SwitchboardActorSystem(nova.client)
            let host = RealNova.computeHost
            try #require(
                try await reboot(host: host, cells: nova.manager, system: system, context: context) == "reboot")
            let target = RPCTarget(topic: "compute", exchange: "nova", server: host)
            let compute = try $Compute.resolve(
                id: SwitchboardActorID(target, interface: novaCompute), using: system)
            let answer = try await withRequestContext(context) {
                try await nova.manager.withTargetCell(forHost: host) { try await compute.setHostEnabled(enabled: true) }
            }
            try #require(answer == "enabled")
            // Outside, and in the other cell, there is no such host.
            for cell in [nil, nova.second] {
                let error = try await #require(throws: RPCError.self) {
                    guard let cell else { return try await compute.setHostEnabled(enabled: true) }
                    return try await nova.manager.withTargetCell(cell) {
                        try await compute.setHostEnabled(enabled: true)
                    }
                }
                try #require(error.code == .unroutable)
            }
        }

        /// Each conductor answers from its cell's database, in which it is the only one.
        private func neverCrossed(_ nova: RealNova) async throws {
            let hosts = [RealNova.computeHost, RealNova.secondHost]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for count in 0..<40 {
                    group.addTask {
                        let host = hosts[count % 2]
                        let answer = try await nova.manager.withTargetCell(forHost: host, context) { context in
                            try await nova.conductor.conductorHosts(context: context)
                        }
                        try #require(answer == [host])
                    }
                }
                try await group.waitForAll()
            }
            // What one cell has, the other has not; and where no cell is aimed at, there is neither.
            try await nova.manager.withTargetCell(nova.second, context) { context in
                let error = try await #require(throws: RPCError.self) {
                    try await nova.compute.hostPowerAction("reboot", on: RealNova.computeHost, context: context)
                }
                try #require(error.code == .unroutable)
            }
            let error = try await #require(throws: RPCError.self) {
                try await nova.ping("conductor", context: context)
            }
            try #require(error.code == .unroutable)
        }

        // MARK: Computes

        private func hosts(_ nova: RealNova, _ context: RequestContext) async throws {
            let host = RealNova.computeHost
            try #require(try await nova.compute.hostPowerAction("reboot", on: host, context: context) == "reboot")
            try #require(
                try await nova.compute.hostMaintenanceMode(true, for: host, on: host, context: context)
                    == "on_maintenance")
            // Long calls: these ask for keepalives.
            try #require(try await nova.compute.setHostEnabled(false, on: host, context: context) == "disabled")
            try #require(try await nova.compute.setHostEnabled(true, on: host, context: context) == "enabled")
            try #require(
                try await nova.compute.cacheImages(["an-image"], on: host, context: context)
                    == ["an-image": "unsupported"])
        }

        private func consoles(_ nova: RealNova, _ context: RequestContext) async throws {
            let output = try await nova.compute.consoleOutput(of: instance, context: context)
            try #require(output == "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE")
            let end = try await nova.compute.consoleOutput(of: instance, tailLength: 1, context: context)
            try #require(end == "LAST LINE")
            // The fake hypervisor has all its consoles at one port.
            for (port, expected) in [(6969, true), (5900, false)] {
                let isValid = try await nova.compute.validateConsolePort(
                    of: instance, port: port, type: "spice-html5", context: context)
                try #require(isValid == expected, "port \(port)")
            }
        }

        private func refusals(_ nova: RealNova, _ context: RequestContext) async throws {
            let unavailable = try await #require(throws: RPCError.self) {
                try await nova.compute.spiceConsole(of: instance, type: "spice-html5", context: context)
            }
            try #require(unavailable.code == .remote)
            try #require(unavailable.remote?.className == "ConsoleTypeUnavailable")
            try #require(unavailable.remote?.module == "nova.exception")
            try #require(unavailable.message == "Unavailable console type spice-html5.")
            try #require(unavailable.remote?.keywordArguments["console_type"] == "spice-html5")

            let host = RealNova.computeHost
            let unknown = try await #require(throws: RPCError.self) {
                try await nova.client.call("fly_away", version: "6.0", to: host, context: context)
            }
            try #require(unknown.code == .noSuchMethod)
            try #require(unknown.message == "Endpoint does not support RPC method fly_away")

            for version: RPCVersion in ["4.0", "6.6"] {
                let unsupported = try await #require(throws: RPCError.self) {
                    try await nova.client.call("get_host_uptime", version: version, to: host, context: context)
                }
                try #require(unsupported.code == .unsupportedVersion)
                try #require(unsupported.message.contains("RPC version \(version). Attempted method: get_host_uptime"))
            }

            let unexpected = try await #require(throws: RPCError.self) {
                try await nova.client.call(
                    "host_power_action", ["action": "reboot", "kindly": true], version: "6.0", to: host,
                    context: context)
            }
            try #require(unexpected.code == .remote)
            try #require(unexpected.remote?.className == "TypeError")
            try #require(unexpected.message.contains("unexpected keyword argument 'kindly'"))
        }

        // MARK: Instances

        /// An instance that is in the cell's database: its console's token and its volume's name are written there, and so
        /// is what a cast has done.
        private func instances(_ nova: RealNova, _ context: RequestContext) async throws {
            let uuid = "20000000-0000-4000-8000-000000000002"
            try await nova.conductor.create(makeInstance(uuid), context: context)
            let instance = try await nova.conductor.instance(uuid, context: context)
            try #require(instance["task_state"] == "pausing")

            let console = try await nova.compute.vncConsole(of: instance, type: "novnc", context: context)
            try #require(console["host"] == "fakevncconsole.com")
            let token = try #require(console["token"]?.string)
            try #require(console["access_url"]?.string?.hasSuffix(token) == true)

            let device = try await nova.compute.reserveBlockDeviceName(
                of: instance, device: nil, volumeID: "20000000-0000-4000-8000-000000000003", diskBus: nil,
                deviceType: nil,
                tag: nil, isMultiattach: false, context: context)
            try #require(device.name == "BlockDeviceMapping")
            try #require(device["instance_uuid"] == .string(uuid))
            try #require(device["device_name"]?.string?.hasPrefix("/dev/") == true)

            // A compute takes a change of state only when the API has written down that somebody asked for it.
            _ = try await nova.conductor.call(
                "action_start", of: "InstanceAction", version: "1.2", [.string(uuid), "pause"],
                named: ["want_result": false], context: context)
            try await nova.compute.pauseInstance(instance, context: context)
            try await waitUntilPaused(uuid, nova, context)

            let action = try await NovaObject(
                json: nova.conductor.call(
                    "get_by_request_id", of: "InstanceAction", version: "1.2",
                    [.string(uuid), .string(context.requestID)], context: context))
            try #require(action["user_id"] == "alice")
            try #require(action["project_id"] == "wonderland")
        }

        private func waitUntilPaused(_ uuid: String, _ nova: RealNova, _ context: RequestContext) async throws {
            let end = ContinuousClock.now + .seconds(20)
            while true {
                let instance = try await nova.conductor.instance(uuid, context: context)
                if instance["vm_state"] == "paused", instance["task_state"] == .null { return }
                try #require(ContinuousClock.now < end, "The instance is \(instance["vm_state"] ?? "gone") still.")
            }
        }

        private func makeInstance(_ uuid: String) -> NovaObject {
            let flavor = NovaObject(
                "Flavor", version: "1.2",
                fields: [
                    "id": 1, "name": "tiny", "memory_mb": 64, "vcpus": 1, "root_gb": 0, "ephemeral_gb": 0,
                    "flavorid": "1", "swap": 0, "rxtx_factor": 1.0, "vcpu_weight": 0, "disabled": false,
                    "is_public": true, "extra_specs": [:], "description": .null, "created_at": .null,
                    "updated_at": .null, "deleted_at": .null, "deleted": false,
                ])
            let fields: JSONObject = [
                "uuid": .string(uuid), "host": .string(RealNova.computeHost), "vm_state": "active",
                "task_state": "pausing", "power_state": 1, "user_id": "alice", "project_id": "wonderland",
                "hostname": "tiny", "display_name": "tiny", "image_ref": "", "memory_mb": 64, "vcpus": 1, "root_gb": 0,
                "ephemeral_gb": 0, "system_metadata": [:], "flavor": flavor.json,
            ]
            return NovaObject("Instance", version: "2.8", fields: fields, changes: fields.keys)
        }
    }
#endif
