import NovaCompute
import SwitchboardMessaging
import Testing

@Suite("The methods of the compute RPC API", .timeLimit(.minutes(2)))
struct MethodTests {
    @Test("All 73 methods are there, and no other")
    func count() throws {
        let reference = try Reference()
        #expect(reference.methods.count == 73)
        #expect(ComputeCase.all.count == 73)
        #expect(Set(ComputeCase.byMethod.keys) == Set(reference.methods.keys))
    }

    @Test("Under every version cap, every method is sent as Nova sends it")
    func versionCaps() async throws {
        let reference = try Reference()
        #expect(reference.caps.count == 14)
        try await withHost { client, requests in
            var sent = 0
            for cap in reference.caps {
                // The objects have their own tests.
                let api = ComputeAPI(client, pin: ComputePin(version: cap, objects: .newest))
                for test in ComputeCase.all {
                    let method = try #require(reference.methods[test.method])
                    let form = try method.form(under: cap)
                    guard let version = form.version else {
                        let error = await #expect(throws: RPCError.self, "\(test.method) under \(cap)") {
                            try await test.send(api, Inputs(), .admin())
                        }
                        #expect(error?.code == .versionCapExceeded)
                        continue
                    }
                    try await test.send(api, Inputs(), .admin())
                    let request = try await requests.next()
                    let comment: Comment = "\(test.method) under \(cap)"
                    #expect(request.method == method.name, comment)
                    #expect(request.request["version"]?.string == version, comment)
                    #expect(request.topic == form.topic, comment)
                    #expect(request.arguments.keys.sorted() == form.arguments, comment)
                    #expect(request.isCall == method.isCall, comment)
                    #expect(request.request["namespace"] == nil, comment)
                    if method.isCall { try expectTimes(of: request, method, comment) }
                    sent += 1
                }
            }
            // 14 × 73, without those that Nova refuses.
            #expect(sent == 970)
        }
    }

    private func expectTimes(
        of request: ComputeHost.Received, _ method: Reference.Method, _ comment: Comment
    ) throws {
        #expect(request.request["_timeout"] == method.callMonitorTimeout.map { .integer($0) } ?? .null, comment)
        let timeout = Duration.seconds(method.timeout ?? 60)
        let timeToLive = try #require(request.timeToLive, comment)
        #expect(timeToLive <= timeout && timeToLive > timeout - .seconds(30), comment)
    }

    @Test("Confirming a resize and stopping an instance can be waited for")
    func callOrCast() async throws {
        let reference = try Reference()
        #expect(
            reference.methods.values.filter(\.isCallOrCast).map(\.name).sorted() == ["confirm_resize", "stop_instance"])
        try await withHost { client, requests in
            let api = ComputeAPI(client)
            let inputs = Inputs()
            for waiting in [true, false] {
                try await api.stopInstance(inputs.object("instance"), waiting: waiting, context: .admin())
                #expect(try await requests.next().isCall == waiting)
                try await api.confirmResize(
                    of: inputs.object("instance"), migration: inputs.object("migration"), on: nil, waiting: waiting,
                    context: .admin())
                #expect(try await requests.next().isCall == waiting)
            }
        }
    }

    @Test("A console's port is sent as text, which is what a compute compares it with")
    func consolePort() async throws {
        try await ComputeHost.run(reply: { _ in true }) { client, requests in
            let isValid = try await ComputeAPI(client).validateConsolePort(
                of: Inputs().object("instance"), port: 5900, type: "novnc", context: .admin())
            #expect(isValid)
            #expect(try await requests.next().arguments["port"] == "5900")
        }
    }

    @Test("Live migration of instances with a NUMA topology needs 5.3", arguments: [("5.2", false), ("5.3", true)])
    func numaLiveMigration(cap: String, isSupported: Bool) async throws {
        try await withHost { client, _ in
            let old = ComputeAPI(client, pin: try ComputePin(upgradeLevel: cap))
            #expect(try old.supportsNUMALiveMigration(context: .admin()) == isSupported)
            #expect(try ComputeAPI(client).supportsNUMALiveMigration(context: .admin()))
        }
    }
}

/// Runs a host that replies what the methods need.
func withHost(
    timeout: Duration = .seconds(60),
    body: @escaping @Sendable (RPCClient, ComputeHost.Requests) async throws -> Void
) async throws {
    try await ComputeHost.run(
        timeout: timeout, reply: { ComputeCase.byMethod[$0]?.reply ?? .null }, body: body)
}
