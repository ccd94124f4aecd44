#if MariaDB
    import Foundation
    import NovaDirectoryPeer
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting
    import Testing

    /// Real Nova on the same database. `SWITCHBOARD_PYTHON` names a Python that has it (`Tests/Peers/requirements.txt`).
    @Suite(
        "Nova and we use one database",
        .enabled(if: NovaPython.isThere, "SWITCHBOARD_PYTHON names no Python with Nova; ./Tests/run makes one."),
        .timeLimit(.minutes(10)))
    struct NovaTests {
        private static let base = BaseURLs(
            transportURL: NovaPython.transportURL, databaseConnection: NovaPython.database)

        private func differences(_ directory: MariaDBCellDirectory, _ url: String) async throws -> [String] {
            try await NovaPython.view(of: url).differences(from: directory, base: Self.base)
        }

        @Test("What nova-manage makes we read, and it is what we make; what either writes, both see")
        func manage() async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                let url = server.url(database: name)
                let file = NSTemporaryDirectory() + "switchboard-nova-\(UUID().uuidString).conf"
                try """
                [DEFAULT]
                transport_url = \(NovaPython.transportURL)
                [api_database]
                connection = \(url)
                [database]
                connection = \(NovaPython.database)
                """.write(toFile: file, atomically: true, encoding: .utf8)
                defer { try? FileManager.default.removeItem(atPath: file) }
                try NovaPython.manage(file, ["api_db", "sync"])
                try NovaPython.manage(
                    file, ["cell_v2", "map_cell0", "--database_connection", "mysql+pymysql://n:p%25@h/c0"])
                try NovaPython.manage(
                    file,
                    [
                        "cell_v2", "create_cell", "--name", "one", "--transport-url", "rabbit://u:p%40%2Fw@h1:1/v",
                        "--database_connection", "mysql+pymysql://n:p%25%2Fw@h/c1",
                    ])
                try NovaPython.manage(
                    file,
                    [
                        "cell_v2", "create_cell", "--name", "two", "--transport-url",
                        "{scheme}://{username}:{password}@h2:{port}/v2?{query}", "--database_connection",
                        "{scheme}://{username}:{password}@{hostname}/c2?{query}", "--disabled",
                    ])
                let directory = try MariaDBCellDirectory(url, logger: quiet)
                let cells = try await directory.cells().cells
                #expect(cells.map(\.name) == ["cell0", "one", "two"])
                #expect(try await differences(directory, url) == [])
                try await directory.updateCell(cells[1].id, CellChange(name: "renamed"))
                try await directory.mapHosts(["comp1", "Comp2"], to: cells[1].id)
                try await directory.mapInstances([
                    InstanceMapping(instanceUUID: instance(1), cell: cells[1].id, projectID: "p", userID: "u"),
                    InstanceMapping(instanceUUID: instance(2), cell: nil, projectID: "p"),
                    InstanceMapping(instanceUUID: instance(3), cell: .cell0, projectID: "q", isQueuedForDelete: true),
                ])
                #expect(try await differences(directory, url) == [])
                #expect(try NovaPython.manage(file, ["cell_v2", "list_cells"]).contains("renamed"))
                let listed = try NovaPython.manage(file, ["cell_v2", "list_hosts"])
                #expect(listed.contains("comp1") && listed.contains("Comp2"))
                // The tables that we make are Nova's.
                try await server.withDatabase { other in
                    try await newDirectory(server.url(database: other)).check()
                    for table in [
                        "cell_mappings", "host_mappings", "instance_mappings", "build_requests", "alembic_version",
                    ] {
                        let theirs = try await server.execute("SHOW CREATE TABLE \(table)", in: name)
                        let ours = try await server.execute("SHOW CREATE TABLE \(table)", in: other)
                        #expect(Self.normalised(ours) == Self.normalised(theirs))
                    }
                    // And Nova takes them for its own.
                    let configuration = try String(contentsOfFile: file, encoding: .utf8).replacing(
                        "/\(name)?", with: "/\(other)?")
                    try configuration.write(toFile: file, atomically: true, encoding: .utf8)
                    #expect(try NovaPython.manage(file, ["api_db", "version"]).contains("cdeec0c85668"))
                }
            }
        }

        /// Without the number of the next row, and with the keys in any order.
        private static func normalised(_ statement: String) -> Set<String> {
            let text = statement.replacing(#/ AUTO_INCREMENT=\d+/#, with: "")
            return Set(text.split(separator: "\n").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " ,")) })
        }

        @Test("Text of every kind that we write, in every column, Nova reads as we do")
        func text() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, _, name in
                var generator = SeededGenerator(11)
                func text() -> String {
                    let ranges: [ClosedRange<UInt32>] = [
                        0x21...0x7E, 0x20...0x7E, 0xA1...0x2FF, 0x391...0x3C9, 0x4E00...0x9FFF,
                    ]
                    return String(
                        String.UnicodeScalarView(
                            (0..<Int.random(in: 1...30, using: &generator)).compactMap { _ in
                                let range = ranges.randomElement(using: &generator) ?? 0x21...0x7E
                                let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator))
                                // Templates are Nova's own matter, and are compared elsewhere.
                                return scalar == "{" || scalar == "}" ? "x" : scalar
                            }))
                }
                for number in 0..<60 {
                    let cell = try await directory.createCell(
                        CellMapping(
                            id: .random(), name: text(), transportURL: URLTemplate("rabbit://u:p@h/\(number)"),
                            databaseConnection: URLTemplate("mysql+pymysql://u:\(text())@h/d"),
                            isDisabled: Bool.random(using: &generator)))
                    try await directory.mapHosts(["h\(number)-\(text())"], to: cell.id)
                    try await directory.mapInstances([
                        InstanceMapping(
                            instanceUUID: instance(number), cell: cell.id, projectID: "p\(number)-\(text())",
                            userID: text(), isQueuedForDelete: Bool.random(using: &generator))
                    ])
                }
                #expect(try await differences(directory, server.url(database: name)) == [])
            }
        }

        @Test("Ten writers of Nova's and ten of ours at once end with the right rows, all of them")
        func together() async throws {
            let server = try await TestDatabase.shared()
            let (writers, mappings) = (10, 1000)
            try await withDirectory(on: server) { directory, cell, name in
                var cells = [cell.id]
                for number in 0..<2 {
                    cells.append(
                        try await directory.createCell(
                            CellMapping(
                                id: .random(), name: "c\(number)", transportURL: URLTemplate("rabbit://u:p@h/\(number)")
                            )
                        ).id)
                }
                let url = server.url(database: name)
                let ids = cells
                // Nova's writing blocks, so it has a thread of its own.
                let nova = ThreadResult {
                    try NovaPython.run(
                        peer: "nova_writes_directory.py",
                        [
                            url, "--cells", ids.map(\.description).joined(separator: ","), "--writers", "\(writers)",
                            "--mappings", "\(mappings)", "--first", "1000000",
                        ])
                }
                let started = Locked(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in 0..<writers {
                        group.addTask {
                            // As objects of their own, as in so many processes.
                            let own = try newDirectory(url)
                            for start in stride(from: 0, to: mappings, by: 20) {
                                let numbers = (start..<start + 20).map { writer * mappings + $0 }
                                let result = try await own.mapInstances(
                                    numbers.map {
                                        InstanceMapping(
                                            instanceUUID: instance($0), cell: ids[$0 % ids.count],
                                            projectID: "our-\(writer)",
                                            userID: "u")
                                    })
                                #expect(result == MappingResult(added: 20))
                                let host = "our-host-\(numbers[0])"
                                #expect(try await own.mapHosts([host], to: ids[numbers[0] % ids.count]).added == 1)
                                // Until Nova writes, too, there is no hurry.
                                if start < mappings - 200, !started.withLock({ $0 }) {
                                    try await Task.sleep(for: .milliseconds(150))
                                    let count = try await own.instanceCounts(ofProject: "nova-0", user: nil).project
                                    if count > 0 { started.withLock { $0 = true } }
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let output = try await nova.value()
                #expect(String(decoding: output, as: UTF8.self) == "\(writers * mappings)\n")
                var counts: [String: Int] = [:]
                for try await mapping in directory.instanceMappings() {
                    counts[mapping.projectID, default: 0] += 1
                    let number = try #require(Int(mapping.instanceUUID.suffix(12)))
                    #expect(mapping.cell == ids[number % ids.count])
                }
                #expect(counts.count == 2 * writers)
                #expect(counts.values.allSatisfy { $0 == mappings })
                let hosts = try await collect(directory.hostMappings())
                #expect(hosts.count == writers * (mappings / 20 + mappings / 10))
                for host in hosts {
                    let number = try #require(host.host.split(separator: "-").last.flatMap { Int($0) })
                    #expect(host.cell == ids[number % ids.count])
                }
            }
        }
    }

    /// What a thread of its own gives, for calls that block for long.
    private final class ThreadResult<Value: Sendable>: Sendable {
        private let stream: AsyncThrowingStream<Value, any Error>

        init(_ body: @escaping @Sendable () throws -> Value) {
            let (stream, source) = AsyncThrowingStream.makeStream(of: Value.self)
            self.stream = stream
            Thread.detachNewThread {
                do {
                    source.yield(try body())
                    source.finish()
                } catch {
                    source.finish(throwing: error)
                }
            }
        }

        func value() async throws -> Value {
            for try await value in stream { return value }
            throw CancellationError()
        }
    }

#endif
