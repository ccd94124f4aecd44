#if MariaDB
    import Logging
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardInProcess
    import SwitchboardMariaDB
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    @Suite("Cells follow their mappings on MariaDB", .timeLimit(.minutes(3)))
    struct FollowingTests {
        @Test(
            "A changed URL is used soon; a server that is away changes nothing for connections that exist"
        )
        func following() async throws {
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) {
                    $0.lookupTimeout = .seconds(1)
                } _: { directory, _, name in
                    let cell = try await directory.createCell(
                        CellMapping(id: .random(), name: "moves", transportURL: "fake://old"))
                    let manager = CellContextManager(
                        directory: directory, drivers: DriverRegistry(.inProcess(network: InProcessNetwork())),
                        logger: quiet)
                    let run = Task { try await manager.run() }
                    defer { run.cancel() }
                    func host() throws -> String? {
                        let context = try manager.targeted(RequestContext(), at: cell)
                        guard case .cell(let connection, _) = context.mqConnection else { return nil }
                        return connection.transport.url.hosts.first?.name
                    }
                    #expect(try host() == "old")
                    try await server.execute(
                        "UPDATE cell_mappings SET transport_url = 'fake://new' WHERE name = 'moves'", in: name)
                    // Half a second, and more on a machine that is busy with other things.
                    let delay = try await time { try await waitUntil { try host() == "new" } }
                    #expect(delay < .seconds(10), "\(delay)")
                    let lines = manager.status().count
                    for isKilled in [false, true] {
                        if isKilled { await server.kill9() } else { server.pause() }
                        // Several polls fail meanwhile.
                        for _ in 0..<40 {
                            #expect(try host() == "new")
                            #expect(manager.status().count == lines)
                            try await Task.sleep(for: .milliseconds(100))
                        }
                        if isKilled { try await server.startNode() } else { server.resume() }
                        #expect(try host() == "new")
                    }
                    try await server.execute(
                        "UPDATE cell_mappings SET transport_url = 'fake://newest' WHERE name = 'moves'", in: name)
                    try await waitUntil { try host() == "newest" }
                }
            }
        }
    }
#endif
