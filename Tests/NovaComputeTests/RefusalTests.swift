import Logging
import NovaCompute
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

@Suite("What is refused before anything is sent", .timeLimit(.minutes(5)))
struct RefusalTests {
    private static let instance = NovaObject(
        "Instance", version: "2.8", fields: ["uuid": "an-id", "host": .string(Inputs.host)])

    @Test("An object newer than the pin knows is refused, and the next older one is sent")
    func newerObject() async throws {
        try await withHost { client, requests in
            let yoga = ComputeAPI(client, pin: try #require(ComputePin(release: "yoga")))
            let error = await #expect(throws: RPCError.self) {
                try await yoga.pauseInstance(Self.instance, context: .admin())
            }
            #expect(error?.code == .objectTooNew)
            #expect(error?.message.contains("pause_instance's instance: Instance 2.8") == true)
            var older = Self.instance
            older.version = "2.7"
            try await yoga.pauseInstance(older, context: .admin())
            #expect(try await requests.next().arguments["instance"]?["nova_object.version"] == "2.7")
        }
    }

    @Test("Without a pin, an object newer than any known is refused: it would wedge a real cell")
    func newestObject() async throws {
        try await withHost { client, _ in
            var future = Self.instance
            future.version = "2.9"
            let error = await #expect(throws: RPCError.self) {
                try await ComputeAPI(client).pauseInstance(future, context: .admin())
            }
            #expect(error?.code == .objectTooNew)
        }
    }

    @Test("A new object is found inside objects, lists and dictionaries")
    func nestedObjects() async throws {
        let tooNew = NovaObject("Flavor", version: "9.0")
        try await withHost { client, _ in
            let api = ComputeAPI(client)
            var nested = Self.instance
            nested.setObject(tooNew, for: "flavor")
            let inObject = await #expect(throws: RPCError.self) {
                try await api.pauseInstance(nested, context: .admin())
            }
            #expect(inObject?.message.contains("instance.flavor: Flavor 9.0") == true)
            let inList = await #expect(throws: RPCError.self) {
                try await api.terminateInstance(
                    Self.instance,
                    blockDevices: NovaObject(list: "BlockDeviceMappingList", version: "1.18", objects: [tooNew]),
                    context: .admin())
            }
            #expect(inList?.message.contains("bdms.objects[0]: Flavor 9.0") == true)
            let inDictionary = await #expect(throws: RPCError.self) {
                try await api.createVolumeSnapshot(
                    of: Self.instance, volumeID: "a-volume", createInfo: ["deep": ["down": tooNew.json]],
                    context: .admin())
            }
            #expect(inDictionary?.message.contains("create_info.deep.down: Flavor 9.0") == true)
            for error in [inObject, inList, inDictionary] { #expect(error?.code == .objectTooNew) }
        }
    }

    @Test("An object that nothing is known of needs a version stated by the caller")
    func unknownObject() async throws {
        try await withHost { client, requests in
            let share = NovaObject("ShareMapping", version: "1.2")
            var pin = ComputePin(version: "6.4", objects: NovaObjectVersions(serviceVersion: 30))
            var old = Self.instance
            old.version = "2.3"
            let error = await #expect(throws: RPCError.self) {
                try await ComputeAPI(client, pin: pin).allowShare(share, for: old, context: .admin())
            }
            #expect(error?.code == .unknownObject)
            pin.objects["ShareMapping"] = "1.2"
            try await ComputeAPI(client, pin: pin).allowShare(share, for: old, context: .admin())
            #expect(try await requests.next().method == "allow_share")
        }
    }

    @Test("A damaged object is refused")
    func damagedObject() async throws {
        try await withHost { client, _ in
            let error = await #expect(throws: RPCError.self) {
                try await ComputeAPI(client).unquiesceInstance(
                    Self.instance, mapping: ["nova_object.name": "Flavor"], context: .admin())
            }
            #expect(error?.code == .invalidObject)
        }
    }

    @Test("What an older version would lose is refused: accelerators, a reimaged boot volume, a target state")
    func lostArguments() async throws {
        try await withHost { client, requests in
            let api = ComputeAPI(client, pin: ComputePin(version: "5.10", objects: .newest))
            let instance = Self.instance
            let spec = try Inputs().object("request_spec")
            func expectRefused(_ name: String, _ send: @Sendable () async throws -> Void) async {
                let error = await #expect(throws: RPCError.self) { try await send() }
                #expect(error?.code == .versionCapExceeded)
                #expect(error?.message.contains(name) == true)
            }
            await expectRefused("accel_uuids") {
                try await api.shelveInstance(instance, acceleratorRequests: ["an-id"], context: .admin())
            }
            await expectRefused("reimage_boot_volume") {
                try await api.rebuildInstance(
                    instance, newPassword: nil, injectedFiles: nil, imageID: nil, originalImageID: nil,
                    originalSystemMetadata: nil, blockDevices: nil, requestSpec: spec, reimagesBootVolume: true,
                    context: .admin())
            }
            await expectRefused("target_state") {
                try await api.rebuildInstance(
                    instance, newPassword: nil, injectedFiles: nil, imageID: nil, originalImageID: nil,
                    originalSystemMetadata: nil, blockDevices: nil, requestSpec: spec, targetState: "stopped",
                    context: .admin())
            }
            try await api.shelveInstance(instance, acceleratorRequests: [], context: .admin())
            #expect(try await requests.next().arguments["accel_uuids"] == nil)
        }
    }

    @Test("A host of 5.0 takes the request's specification as a dictionary, which the caller must give")
    func legacyRequestSpec() async throws {
        try await withHost { client, requests in
            let api = ComputeAPI(client, pin: ComputePin(version: "5.0", objects: .newest))
            let inputs = Inputs()
            @Sendable func send(_ legacy: JSONObject?) async throws {
                try await api.prepResize(
                    inputs.object("instance"), image: [:], flavor: inputs.object("flavor"), on: Inputs.host,
                    migration: inputs.object("migration"), requestSpec: inputs.object("request_spec"),
                    legacyRequestSpec: legacy, filterProperties: nil, node: nil, cleanShutdown: true,
                    alternatives: nil, context: .admin())
            }
            let error = await #expect(throws: RPCError.self) { try await send(nil) }
            #expect(error?.code == .versionCapExceeded)
            try await send(["num_instances": 1])
            #expect(try await requests.next().arguments["request_spec"] == ["num_instances": 1])
        }
    }

    @Test("The caller's host goes before the instance's, and without either there is an error")
    func hosts() async throws {
        try await withHost { client, requests in
            let api = ComputeAPI(client)
            var elsewhere = Self.instance
            elsewhere["host"] = "another-host"
            let migration = try Inputs().object("migration")
            try await api.confirmResize(of: elsewhere, migration: migration, on: Inputs.host, context: .admin())
            #expect(try await requests.next().method == "confirm_resize")

            var nowhere = Self.instance
            for host in [nil, JSONValue.null, ""] {
                nowhere["host"] = host
                let instance = nowhere
                let error = await #expect(throws: RPCError.self) {
                    try await api.pauseInstance(instance, context: .admin())
                }
                #expect(error?.code == .noHost)
                #expect(error?.message.contains("an-id") == true)
            }
            let noInstance = await #expect(throws: RPCError.self) {
                try await api.externalInstanceEvent([], for: [], context: .admin())
            }
            #expect(noInstance?.code == .noHost)
            let noHost = await #expect(throws: RPCError.self) {
                _ = try await api.hostUptime(of: "", context: .admin())
            }
            #expect(noHost?.code == .noHost)
            let noMigrationHost = await #expect(throws: RPCError.self) {
                try await api.confirmSnapshotBasedResizeAtSource(
                    of: Self.instance, migration: NovaObject("Migration", version: "1.8"), context: .admin())
            }
            #expect(noMigrationHost?.code == .noHost)
        }
    }

    @Test("Every queue has its own pin, and what the pin throws is thrown")
    func pinPerQueue() async throws {
        struct NoPin: Error {}
        try await withHost { client, requests in
            let api = ComputeAPI(client) { queue in
                guard case .own = queue else { throw NoPin() }
                return ComputePin(version: "5.0", objects: .newest)
            }
            try await api.pauseInstance(Self.instance, context: .admin())
            #expect(try await requests.next().request["version"] == "5.0")
            var context = RequestContext.admin()
            context.mqConnection = .none(cell: "cell0", reason: "it has no message queue")
            await #expect(throws: NoPin.self) { try await api.pauseInstance(Self.instance, context: context) }
        }
    }

    @Test("A context that is aimed at a cell goes through that cell's queue, and one without a queue nowhere")
    func contexts() async throws {
        try await withHost { own, ownRequests in
            let api = ComputeAPI(own)
            try await withHost { _, cellRequests in
                var context = RequestContext.admin()
                context.mqConnection = .cell(cellRequests.connection, name: "cell1")
                try await api.pauseInstance(Self.instance, context: context)
                #expect(try await cellRequests.next().method == "pause_instance")
                try await api.startInstance(Self.instance, context: .admin())
            }
            #expect(try await ownRequests.next().method == "start_instance")

            var context = RequestContext.admin()
            context.mqConnection = .none(cell: "cell0", reason: "it has no message queue")
            let nowhere = context
            let error = await #expect(throws: RPCError.self) {
                try await api.pauseInstance(Self.instance, context: nowhere)
            }
            #expect(error?.code == .noQueue)
        }
    }
}
