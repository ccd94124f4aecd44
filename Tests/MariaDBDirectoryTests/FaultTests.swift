#if MariaDB
    import Foundation
    import InMemoryLogging
    import Logging
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting
    import Testing

    /// What happens to servers and connections, and what callers see of it.
    @Suite("A directory while its server is in trouble", .timeLimit(.minutes(5)))
    struct FaultTests {
        private func kill(_ database: String, on server: TestDatabase) async throws -> Int {
            let ids = try await server.execute(
                "SELECT id FROM information_schema.processlist WHERE db = '\(database)' AND user <> 'root'"
            ).split(separator: "\n")
            for id in ids { _ = try? await server.execute("KILL \(id)") }
            return ids.count
        }

        @Test("A stopped server costs each call its deadline and no more; afterwards everything works")
        func stopped() async throws {
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) {
                    $0.lookupTimeout = .milliseconds(600)
                    $0.scanTimeout = .milliseconds(1200)
                    $0.writeTimeout = .milliseconds(1200)
                } _: { directory, cell, name in
                    try await directory.mapHosts(["a"], to: cell.id)
                    _ = try await directory.cells()
                    server.pause()
                    defer { server.resume() }
                    for _ in 0..<2 {
                        let longest = try await withThrowingTaskGroup(of: Duration.self) { group in
                            for number in 0..<60 {
                                group.addTask {
                                    let start = ContinuousClock.now
                                    let error = await cellError {
                                        switch number % 3 {
                                        case 0: _ = try await directory.location(ofHost: "a")
                                        case 1: _ = try await directory.cells()
                                        default: _ = try await directory.mapHosts(["b\(number)"], to: cell.id)
                                        }
                                    }
                                    let code = error?.code
                                    #expect(code == .directoryUnavailable, "\(error?.description ?? "no error")")
                                    return start.duration(to: .now)
                                }
                            }
                            return try await group.reduce(.zero) { max($0, $1) }
                        }
                        // Of a deadline of 1.2 s, on a machine that may be busy with other things.
                        #expect(longest < .seconds(8), "\(longest)")
                        #expect(longest >= .milliseconds(1200), "\(longest)")
                    }
                    server.resume()
                    try await waitUntil { try await directory.location(ofHost: "a").cell.id == cell.id }
                    // What callers were told didn't happen has not happened, and doesn't happen later.
                    try await Task.sleep(for: .milliseconds(500))
                    let hosts = try await server.execute("SELECT host FROM host_mappings", in: name)
                    #expect(hosts == "a")
                    #expect(try await directory.mapHosts(["b"], to: cell.id).added == 1)
                    #expect(try await directory.cells().cells == [cell])
                }
            }
        }

        @Test("A stopped server keeps no caller's thread for long")
        func responsive() async throws {
            // A thread of the test's own: those of all tasks may be busy with other tests.
            let thread = OwnThread()
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) {
                    $0.lookupTimeout = .seconds(6)
                } _: { directory, cell, _ in
                    // Quick enough for callers to do look-ups themselves.
                    for _ in 0..<300 { _ = try await directory.cell(cell.id) }
                    server.pause()
                    defer { server.resume() }
                    let isOver = Locked(false)
                    let longest = Task(executorPreference: thread) {
                        var longest = Duration.zero
                        var last = ContinuousClock.now
                        while !isOver.withLock({ $0 }) {
                            await Task.yield()
                            longest = max(longest, last.duration(to: .now))
                            last = .now
                        }
                        return longest
                    }
                    let look = Task(executorPreference: thread) {
                        await cellError { try await directory.cell(cell.id) }
                    }
                    let error = await look.value
                    isOver.withLock { $0 = true }
                    #expect(error?.code == .directoryUnavailable)
                    let gap = await longest.value
                    #expect(gap < .seconds(3), "\(gap)")
                    server.resume()
                    try await waitUntil { await cellError { try await directory.cell(cell.id) } == nil }
                }
            }
        }

        @Test("Look-ups go on while the server is killed and started again, and none of them fails")
        func restarted() async throws {
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) {
                    $0.lookupTimeout = .seconds(30)
                } _: { directory, cell, _ in
                    let other = try await directory.createCell(
                        CellMapping(id: .random(), name: "two", transportURL: "rabbit://u:p@h/two"))
                    try await directory.mapInstances(
                        (0..<100).map {
                            InstanceMapping(
                                instanceUUID: instance($0), cell: $0.isMultiple(of: 2) ? cell.id : other.id,
                                projectID: "p")
                        })
                    let isOver = Locked(false)
                    let looked = try await withThrowingTaskGroup(of: Int.self) { group in
                        for task in 0..<8 {
                            group.addTask {
                                var count = 0
                                while !isOver.withLock({ $0 }) {
                                    let number = (task * 13 + count * 7) % 100
                                    let found = try await directory.cell(ofInstance: instance(number))
                                    #expect(found.id == (number.isMultiple(of: 2) ? cell.id : other.id))
                                    count += 1
                                    try await Task.sleep(for: .milliseconds(20))
                                }
                                return count
                            }
                        }
                        try await Task.sleep(for: .milliseconds(300))
                        await server.kill9()
                        try await Task.sleep(for: .milliseconds(300))
                        try await server.startNode()
                        try await Task.sleep(for: .milliseconds(300))
                        try await server.restart()
                        try await Task.sleep(for: .milliseconds(300))
                        isOver.withLock { $0 = true }
                        return try await group.reduce(0, +)
                    }
                    #expect(looked > 20)
                }
            }
        }

        @Test("A server that is away for long fails calls at once, and is found again within seconds")
        func away() async throws {
            let log = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in log }
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server, logger: logger) {
                    $0.lookupTimeout = .milliseconds(500)
                } _: {
                    directory, cell, _ in
                    await server.kill9()
                    try await waitUntil {
                        await cellError { try await directory.cell(cell.id) }?.code == .directoryUnavailable
                    }
                    try await Task.sleep(for: .milliseconds(600))
                    let quickest = await (0..<10).asyncMap { _ in
                        await time { await cellError { try await directory.cell(cell.id) } }
                    }.min()
                    #expect(quickest.map { $0 < .milliseconds(100) } == true)
                    let error = try #require(await cellError { try await directory.cell(cell.id) })
                    #expect(error.message.contains("127.0.0.1:\(server.port)"))
                    try await server.startNode()
                    let delay = try await time {
                        try await waitUntil { await cellError { try await directory.cell(cell.id) } == nil }
                    }
                    #expect(delay < .seconds(10))
                    #expect(log.entries.count { "\($0.message)" == "Database can't be reached" } == 1)
                    #expect(log.entries.count { "\($0.message)" == "Database can be reached again" } == 1)
                    for entry in log.entries { #expect(!"\(entry)".contains(server.password.reveal())) }
                }
            }
        }

        @Test("Connections that the server has killed are replaced, and nobody sees it")
        func killed() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, cell, name in
                try await directory.mapHosts(["a"], to: cell.id)
                for round in 0..<5 {
                    _ = try await directory.cells()
                    #expect(try await kill(name, on: server) > 0)
                    #expect(try await directory.location(ofHost: "a").cell.id == cell.id)
                    #expect(try await directory.cells().cells.count == 1)
                    #expect(try await directory.mapHosts(["b\(round)"], to: cell.id) == MappingResult(added: 1))
                }
            }
        }

        @Test("Connections that were idle for too long are replaced, and nobody sees it")
        func idle() async throws {
            var configuration = TestDatabaseConfiguration()
            configuration.settings = ["wait_timeout = 1", "interactive_timeout = 1"]
            try await TestDatabase.withServer(configuration) { server in
                try await withDirectory(on: server) { directory, cell, name in
                    _ = try await directory.cells()
                    try await waitUntil {
                        try await server.execute(
                            "SELECT count(*) FROM information_schema.processlist WHERE db = '\(name)' AND user <> 'root'"
                        ) == "0"
                    }
                    #expect(try await directory.cell(cell.id) == cell)
                    #expect(try await directory.cells().cells == [cell])
                    #expect(try await directory.mapHosts(["b"], to: cell.id) == MappingResult(added: 1))
                }
            }
        }

        @Test("The victim of a deadlock is run again")
        func deadlock() async throws {
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) { directory, cell, name in
                    let numbers = Array(1...60)
                    func mappings(_ numbers: [Int], _ cell: CellID?) -> [InstanceMapping] {
                        numbers.map { InstanceMapping(instanceUUID: instance($0), cell: cell, projectID: "p") }
                    }
                    func deadlocks() async throws -> String {
                        try await server.execute("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
                    }
                    try await directory.mapInstances(mappings(numbers, nil))
                    let before = try await deadlocks()
                    // Has changed more rows, so that ours gives way.
                    async let other = server.execute(
                        """
                        START TRANSACTION;
                        UPDATE instance_mappings SET user_id = 'x' WHERE id BETWEEN 10 AND 60;
                        SELECT SLEEP(5) AS \(name);
                        UPDATE instance_mappings SET user_id = 'x' WHERE instance_uuid = '\(instance(1))';
                        COMMIT;
                        """, in: name)
                    try await waitUntil {
                        try await server.execute(
                            "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(5)%'")
                            == "1"
                    }
                    let result = try await directory.mapInstances(mappings([1, 50], cell.id))
                    _ = try await other
                    #expect(result == MappingResult(changed: 2))
                    #expect(try await deadlocks() != before)
                    for number in [1, 50] {
                        #expect(try await directory.cell(ofInstance: instance(number)).id == cell.id)
                    }
                }
            }
        }

        @Test("A change that waits for another transaction's lock ends at its deadline, and has not happened")
        func lockWait() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) {
                $0.writeTimeout = .seconds(2)
            } _: { directory, cell, name in
                try await directory.mapHosts(["a"], to: cell.id)
                async let other: String? = try? server.execute(
                    "START TRANSACTION; SELECT id FROM cell_mappings FOR UPDATE; SELECT SLEEP(60) AS \(name);", in: name
                )
                let holder =
                    "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(60) AS \(name)%' AND id <> connection_id()"
                try await waitUntil { try await server.execute(holder) != "" }
                let start = ContinuousClock.now
                let error = await cellError { try await directory.updateCell(cell.id, CellChange(name: "new")) }
                #expect(error?.code == .directoryUnavailable)
                #expect(start.duration(to: .now) < .seconds(20))
                // Reading waits for nobody.
                #expect(try await directory.cell(cell.id) == cell)
                try await server.execute("KILL \(try await server.execute(holder))")
                _ = await other
                try await Task.sleep(for: .milliseconds(300))
                #expect(try await directory.cell(cell.id) == cell)
            }
        }

        @Test("More calls than may wait are refused at once; a cancelled one ends at once")
        func queue() async throws {
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) {
                    $0.queueLimit = 5
                    $0.lookupConnections = 1
                    $0.lookupTimeout = .seconds(2)
                } _: { directory, cell, _ in
                    server.pause()
                    defer { server.resume() }
                    let codes = await withTaskGroup(of: (CellError.Code?, Duration).self) { group in
                        for _ in 0..<20 {
                            group.addTask {
                                let start = ContinuousClock.now
                                let code = await cellError { try await directory.cell(cell.id) }?.code
                                return (code, start.duration(to: .now))
                            }
                        }
                        return await group.reduce(into: []) { $0.append($1) }
                    }
                    let refused = codes.filter { $0.0 == .exhausted }
                    #expect((13...15).contains(refused.count))
                    #expect(refused.allSatisfy { $0.1 < .seconds(1) })
                    #expect(codes.count { $0.0 == .directoryUnavailable } == 20 - refused.count)
                    let task = Task { await cellError { try await directory.cell(cell.id) } }
                    try await Task.sleep(for: .milliseconds(50))
                    let delay = await time {
                        task.cancel()
                        #expect(await task.value?.code == .cancelled)
                    }
                    #expect(delay < .seconds(1))
                    server.resume()
                    try await waitUntil { await cellError { try await directory.cell(cell.id) } == nil }
                }
            }
        }

        @Test(
            "A commit whose answer is lost is reported as such, and never repeated",
            arguments: [TestProxy.Commits.loseAnswer, .loseCommit, .holdAnswer])
        func unknownFate(_ fault: TestProxy.Commits) async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                let proxy = try TestProxy(to: server.port)
                defer { proxy.stop() }
                let url = server.url(database: name).replacing(":\(server.port)/", with: ":\(proxy.port)/")
                let directory = try newDirectory(url) { $0.writeTimeout = .seconds(2) }
                let cell = try await directory.createCell(
                    CellMapping(id: .random(), name: "one", transportURL: "rabbit://u:p@h/one"))
                proxy.handle(fault)
                let error = await cellError { try await directory.mapHosts(["a"], to: cell.id) }
                #expect(error?.code == .indeterminate, "\(error?.description ?? "no error")")
                proxy.handle(.pass)
                let isThere = try await directory.hostMappings(in: nil, after: nil, limit: 9).elements.map(\.host)
                var expected = ["a"]
                if case .loseCommit = fault { expected = [] }
                #expect(isThere == expected)
                let again = try await directory.mapHosts(["a"], to: cell.id)
                #expect(again == MappingResult(added: 1 - expected.count, unchanged: expected.count))
            }
        }

        @Test(
            "Behind a proxy that fails over, calls go on; a server that is read-only is unavailable for its time only")
        func failover() async throws {
            try await TestDatabase.withServer { first in
                try await TestDatabase.withServer { second in
                    let id = CellID.random()
                    for server in [first, second] {
                        try await server.execute(
                            """
                            CREATE DATABASE nova_api CHARACTER SET utf8mb3;
                            CREATE USER nova@'127.0.0.1' IDENTIFIED BY 'same'; GRANT ALL ON nova_api.* TO nova@'127.0.0.1';
                            """)
                        let maker = try newDirectory(server.url(database: "nova_api"))
                        try await maker.createCell(CellMapping(id: id, name: "one", transportURL: "rabbit://u:p@h/one"))
                    }
                    try await second.execute("SET GLOBAL read_only = 1")
                    let proxy = try TestProxy(to: first.port)
                    defer { proxy.stop() }
                    let directory = try newDirectory("mysql+pymysql://nova:same@127.0.0.1:\(proxy.port)/nova_api")
                    let isOver = Locked(false)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<6 {
                            group.addTask {
                                while !isOver.withLock({ $0 }) {
                                    #expect(try await directory.cell(id).name == "one")
                                    try await Task.sleep(for: .milliseconds(10))
                                }
                            }
                        }
                        #expect(try await directory.mapHosts(["a"], to: id).added == 1)
                        proxy.fail(over: second.port)
                        let error = await cellError { try await directory.mapHosts(["b"], to: id) }
                        #expect(error?.code == .directoryUnavailable)
                        #expect(error?.message.contains("read-only") == true)
                        try await second.execute("SET GLOBAL read_only = 0")
                        #expect(try await directory.mapHosts(["b"], to: id).added == 1)
                        #expect(await cellError { try await directory.location(ofHost: "a") }?.code == .unknownHost)
                        proxy.fail(over: first.port)
                        #expect(try await directory.location(ofHost: "a").cell.id == id)
                        isOver.withLock { $0 = true }
                        try await group.waitForAll()
                    }
                }
            }
        }

        @Test("A directory that goes takes its connections with it")
        func leaving() async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                var directory: MariaDBCellDirectory? = try newDirectory(server.url(database: name))
                _ = try await directory?.cells()
                _ = try await directory?.version()
                func connections() async throws -> Int {
                    Int(
                        try await server.execute(
                            "SELECT count(*) FROM information_schema.processlist WHERE db = '\(name)' AND user <> 'root'"
                        ))
                        ?? -1
                }
                #expect(try await connections() == 2)
                directory = nil
                try await waitUntil { try await connections() == 0 }
            }
        }
    }

    /// Waits until something is so; throws after half a minute.
    func waitUntil(
        sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while try await !condition() {
            try #require(ContinuousClock.now < end, "It was not so within 30 seconds.", sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    extension Sequence {
        func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
            var values: [Value] = []
            for element in self { values.append(try await transform(element)) }
            return values
        }
    }
#endif
