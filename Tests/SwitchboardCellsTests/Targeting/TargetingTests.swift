import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@Suite("Aiming at cells", .timeLimit(.minutes(5)))
struct TargetingTests {
    @Test("A call reaches the cell of its instance, and without a target the process's own queue")
    func byInstance() async throws {
        try await Cloud.run { cloud in
            let context = RequestContext(userID: "u")
            for (instance, world) in [(Cloud.inCell1, "one"), (Cloud.inCell2, "two"), (Cloud.inCell1, "one")] {
                let answer = try await cloud.manager.withTargetCell(forInstance: instance, context) { context in
                    try await cloud.whereItGoes(context)
                }
                #expect(answer == world)
            }
            let byHost = try await cloud.manager.withTargetCell(forHost: "host2", context) { context in
                try await cloud.whereItGoes(context)
            }
            #expect(byHost == "two")
            let own = try await cloud.whereItGoes(context)
            #expect(own == "own")
        }
    }

    @Test("cell1, then cell0, then untargeted: never crossed (Nova's D1)")
    func cell0() async throws {
        try await Cloud.run { cloud in
            let context = RequestContext()
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, context) { inCell1 in
                let first = try await cloud.whereItGoes(inCell1)
                #expect(first == "one")
                try await cloud.manager.withTargetCell(forInstance: Cloud.inCell0, inCell1) { inCell0 in
                    for _ in 0..<2 {
                        let error = await #expect(throws: RPCError.self) { try await cloud.whereItGoes(inCell0) }
                        #expect(error?.code == .noQueue)
                        #expect(error?.message.contains("cell0") == true)
                        #expect(error?.message.contains("no message queue") == true)
                    }
                }
                let again = try await cloud.whereItGoes(inCell1)
                #expect(again == "one")
            }
            let own = try await cloud.whereItGoes(context)
            #expect(own == "own")
        }
    }

    @Test("Nesting aims the inner copy alone; every field survives (D3, D4)")
    func nesting() async throws {
        try await Cloud.run { cloud in
            var context = RequestContext(userID: "u", projectID: "p", roles: ["member"])
            context.authToken = "t0ken"
            context.domainID = "d"
            context.additional = ["service_token": "s"]
            let expected = context.wireObject()
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, context) { outer in
                try await cloud.manager.withTargetCell(forInstance: Cloud.inCell2, outer) { inner in
                    let answer = try await cloud.whereItGoes(inner)
                    #expect(answer == "two")
                    #expect(inner.wireObject() == expected)
                }
                let answer = try await cloud.whereItGoes(outer)
                #expect(answer == "one")
            }
            guard case .own = context.mqConnection else {
                Issue.record("The caller's context was touched.")
                return
            }
        }
    }

    @Test("An unknown instance, one that is not scheduled and a disabled cell are errors of their own")
    func lookUpErrors() async throws {
        try await Cloud.run { cloud in
            let cases: [(String, CellError.Code)] = [
                (Cloud.unknown, .unknownInstance), (Cloud.unscheduled, .notScheduled), ("no uuid", .invalidUUID),
            ]
            for (instance, code) in cases {
                let error = await #expect(throws: CellError.self) {
                    try await cloud.manager.withTargetCell(forInstance: instance, RequestContext()) { _ in }
                }
                #expect(error?.code == code)
                #expect(error?.message.contains(instance) == true)
            }
            var change = CellChange()
            change.isDisabled = true
            _ = try await cloud.directory.updateCell(Cloud.cell1, change)
            let error = await #expect(throws: CellError.self) {
                try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { _ in }
            }
            #expect(error?.code == .disabledCell)
            let answer = try await cloud.manager.withTargetCell(
                forInstance: Cloud.inCell1, RequestContext(), includingDisabled: true
            ) { try await cloud.whereItGoes($0) }
            #expect(answer == "one")
        }
    }

    @Test(
        "A cell whose URL cannot be used is an error that names the cell and leaves the context as it was (D2, D5, D6)",
        arguments: ["", "nonesuch://x", "fake://a:5/", "no url at all", "rabbit://u:c4nary@h:99999/"])
    func badURL(_ url: String) async throws {
        try await Cloud.run { cloud in
            let bad = CellMapping(
                id: .random(), name: "bad", transportURL: URLTemplate(url), databaseConnection: URLTemplate("sqlite://")
            )
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { context in
                let error = await #expect(throws: CellError.self) {
                    try await cloud.manager.withTargetCell(bad, context) { _ in }
                }
                #expect(error?.code == .badURL)
                #expect(error?.message.contains("bad") == true)
                #expect(!"\(error!)".contains("c4nary"))
                let answer = try await cloud.whereItGoes(context)
                #expect(answer == "one")
            }
        }
    }

    @Test("A changed mapping is used by the next request, while those on the old connection go on")
    func changedURL() async throws {
        try await Cloud.run { cloud in
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { before in
                var change = CellChange()
                change.transportURL = URLTemplate("fake://three")
                _ = try await cloud.directory.updateCell(Cloud.cell1, change)
                let after = try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) {
                    try await cloud.whereItGoes($0)
                }
                #expect(after == "three")
                let old = try await cloud.whereItGoes(before)
                #expect(old == "one")
            }
            #expect(cloud.manager.status().map(\.cells) == [[Cloud.cell1]])
        }
    }

    @Test("A copy that outlives its connection gets an error that names the cell, never another queue")
    func outlivedCopy() async throws {
        var configuration = CellConnectionConfiguration()
        configuration.idleLifetime = .zero
        configuration.refreshInterval = .milliseconds(10)
        try await Cloud.run(configuration: configuration) { cloud in
            let cell = try await cloud.directory.cell(Cloud.cell1)
            let copy = try cloud.manager.targeted(RequestContext(), at: cell)
            try await yieldsWhile { !cloud.manager.status().isEmpty }
            let error = await #expect(throws: RPCError.self) {
                while true { _ = try await cloud.whereItGoes(copy) }
            }
            #expect(error?.code == .closed)
            #expect(error?.message.contains("cell1") == true)
        }
    }

    @Test("Cells with one URL share a connection, and errors name the cell that was meant")
    func sharedConnection() async throws {
        try await Cloud.run { cloud in
            let twin = CellMapping(
                id: .random(), name: "twin", transportURL: URLTemplate("fake://one"),
                databaseConnection: URLTemplate("sqlite://"))
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { _ in
                try await cloud.manager.withTargetCell(twin, RequestContext()) { context in
                    #expect(cloud.manager.status().count == 1)
                    let error = await #expect(throws: RPCError.self) {
                        try await cloud.client.call("missing", to: "nobody", context: context)
                    }
                    #expect(error?.message.contains("twin") == true)
                }
            }
        }
    }
}
