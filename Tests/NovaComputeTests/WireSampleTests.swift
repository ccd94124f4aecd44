import NovaCompute
import SwitchboardCore
import SwitchboardMessaging
import Testing

@Suite("Requests on the wire", .timeLimit(.minutes(5)))
struct WireSampleTests {
    @Test("What we send equals what Nova sent: same values, same order of keys")
    func requests() async throws {
        let (wireContext, samples) = try WireSample.all()
        #expect(samples.count == 49)
        let context = try requestContext(wireContext)
        // The samples were taken with a response timeout of 4 s and a long timeout of 30 s.
        try await withHost(timeout: .seconds(4)) { client, requests in
            let api = ComputeAPI(client, longTimeout: .seconds(30))
            for sample in samples {
                let test = try #require(ComputeCase.byMethod[sample.method])
                guard case .object(let arguments)? = sample.request["args"] else { throw MissingData() }
                try await test.send(api, Inputs(arguments), context)

                let received = try await requests.next()
                let comment: Comment = "\(sample.method)"
                #expect("\(received.topic).\(ComputeHost.name)" == sample.routingKey, comment)
                var expected = sample.request
                for (key, value) in wireContext { expected.append(key: key, value: value) }
                // As text: objects with the same members in another order are equal.
                #expect(withoutIDs(received.request).description == expected.description, comment)
                if let expiration = sample.expiration {
                    let timeToLive = try #require(received.timeToLive, comment)
                    #expect(timeToLive <= .milliseconds(expiration) && timeToLive > .milliseconds(expiration / 2))
                } else {
                    #expect(received.timeToLive == nil, comment)
                }
            }
        }
    }

    @Test("Every object in a captured message reads, and writes as it was")
    func objects() throws {
        var count = 0
        func walk(_ value: JSONValue) throws {
            switch value {
            case .array(let elements): try elements.forEach(walk)
            case .object(let object):
                if object["nova_object.name"] != nil {
                    #expect(try NovaObject(json: value).json.description == value.description)
                    count += 1
                }
                for (_, value) in object { try walk(value) }
            default: break
            }
        }
        for sample in try WireSample.all().samples {
            try walk(.object(sample.request))
            if let result = sample.result { try walk(result) }
        }
        #expect(count > 100)
    }

    @Test("Captured replies are read as what the methods promise")
    func replies() async throws {
        let results = Dictionary(
            uniqueKeysWithValues: try WireSample.all().samples.compactMap { sample in
                sample.result.map { (sample.method, $0) }
            })
        try await ComputeHost.run(reply: { results[$0] ?? .null }) { client, _ in
            let api = ComputeAPI(client)
            let instance = try Inputs().object("instance")
            #expect(try await api.consoleOutput(of: instance, context: .admin()) == "boot log é\n")
            #expect(try await api.hostUptime(of: Inputs.host, context: .admin()).hasPrefix(" 16:34:01 up 9 days"))
            let device = try await api.reserveBlockDeviceName(
                of: instance, device: nil, volumeID: "66666666-6666-6666-6666-666666666666", diskBus: nil,
                deviceType: nil, tag: nil, isMultiattach: false, context: .admin())
            #expect(device.name == "BlockDeviceMapping")
            #expect(device["device_name"] == "/dev/vdb")
        }
    }

    @Test("A reply that is not what the method promises is an error that names the method, not the reply")
    func wrongReply() async throws {
        try await ComputeHost.run(reply: { _ in ["token": "s3cret-token"] }) { client, _ in
            let error = await #expect(throws: RPCError.self) {
                try await ComputeAPI(client).consoleOutput(of: Inputs().object("instance"), context: .admin())
            }
            #expect(error?.code == .invalidReply)
            #expect(error?.message.contains("get_console_output") == true)
            #expect(error.map { "\($0)" }?.contains("s3cret") == false)
        }
    }

    @Test("A response timeout over a minute makes every call ask for keepalives of a minute")
    func keepalives() async throws {
        try await withHost(timeout: .seconds(90)) { client, requests in
            let api = ComputeAPI(client)
            _ = try await api.hostUptime(of: Inputs.host, context: .admin())
            #expect(try await requests.next().request["_timeout"] == 60)
            _ = try await api.cacheImages([], on: Inputs.host, context: .admin())
            #expect(try await requests.next().request["_timeout"] == 90)
        }
    }

    /// The context that the samples were sent with.
    private func requestContext(_ wire: JSONObject) throws -> RequestContext {
        var object = JSONObject()
        for (key, value) in wire { object.append(key: String(key.dropFirst("_context_".count)), value: value) }
        return try RequestContext(wireObject: object)
    }

    /// Blanks the ids, and takes out what only we send: the deadline.
    private func withoutIDs(_ request: JSONObject) -> JSONObject {
        var request = request
        for key in ["_msg_id", "_reply_q", "_unique_id"] where request[key] != nil { request[key] = "" }
        request.removeValue(forKey: "_context_switchboard_deadline_ms")
        return request
    }
}
