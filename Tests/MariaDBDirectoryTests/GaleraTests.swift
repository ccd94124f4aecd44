#if MariaDB
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting
    import Testing

    /// A directory on a cluster of three servers, behind a proxy as clouds have one.
    @Suite("A directory on a Galera cluster", .timeLimit(.minutes(5)))
    struct GaleraTests {
        @Test("A node that is killed under load costs no written row, and writers on two nodes give way to each other")
        func life() async throws {
            try await GaleraCluster.with { cluster in
                let nodes = cluster.nodes
                #expect(await nodes[2].status("wsrep_cluster_size") == "3")
                try await nodes[0].execute(
                    """
                    CREATE DATABASE nova_api CHARACTER SET utf8mb3;
                    CREATE USER nova@'127.0.0.1' IDENTIFIED BY 'same'; GRANT ALL ON nova_api.* TO nova@'127.0.0.1';
                    """)
                let id = CellID.random()
                let maker = try directory(at: nodes[0])
                try await maker.createCell(CellMapping(id: id, name: "one", transportURL: "rabbit://u:p@h/one"))
                try await seesOthersCommits(nodes, id)
                try await writersGiveWay(nodes, id)
                let written = try await survivesLoss(of: nodes[0], beside: nodes[1], id)
                for node in nodes[1...] {
                    let hosts = try await node.execute(
                        "SELECT host FROM nova_api.host_mappings WHERE host LIKE 'load-%'")
                    #expect(Set(hosts.split(separator: "\n").map(String.init)).isSuperset(of: written))
                }
                try await endsWithoutMajority(nodes, id)
            }
        }

        private func directory(
            at node: GaleraCluster.Node, _ change: (inout MariaDBConfiguration) -> Void = { _ in }
        ) throws -> MariaDBCellDirectory {
            try newDirectory(GaleraCluster.url("nova_api", port: node.port)) { configuration in
                configuration.lookupTimeout = .seconds(10)
                configuration.waitsForCluster = true
                change(&configuration)
            }
        }

        /// With `waitsForCluster`, what was written on one node is read on another at once.
        private func seesOthersCommits(_ nodes: [GaleraCluster.Node], _ id: CellID) async throws {
            let (writer, reader) = (try directory(at: nodes[0]), try directory(at: nodes[2]))
            for number in 0..<50 {
                try await writer.mapHosts(["seen-\(number)"], to: id)
                #expect(try await reader.location(ofHost: "seen-\(number)").cell.id == id)
            }
        }

        /// Both nodes commit changes of the same rows; certification refuses one of them with the error of a deadlock, and
        /// it is run again.
        private func writersGiveWay(_ nodes: [GaleraCluster.Node], _ id: CellID) async throws {
            let numbers = 1...20
            let mappings = numbers.map { InstanceMapping(instanceUUID: instance($0), cell: nil, projectID: "p") }
            try await directory(at: nodes[0]).mapInstances(mappings)
            func conflicts() async -> Int {
                var sum = 0
                for node in nodes {
                    for name in ["wsrep_local_cert_failures", "wsrep_local_bf_aborts"] {
                        sum += await node.status(name).flatMap { Int($0) } ?? 0
                    }
                }
                return sum
            }
            let before = await conflicts()
            for _ in 0..<10 {
                guard await conflicts() == before else { break }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for node in nodes {
                        let directory = try directory(at: node)
                        for writer in 0..<2 {
                            group.addTask {
                                for round in 0..<20 {
                                    let cell = (round + writer).isMultiple(of: 2) ? id : nil
                                    try await directory.mapInstances(
                                        numbers.map {
                                            InstanceMapping(instanceUUID: instance($0), cell: cell, projectID: "p")
                                        })
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(await conflicts() > before, "No two writers met.")
            // Each change is of all rows at once.
            for node in nodes {
                let rows = try await node.execute(
                    """
                    SET SESSION wsrep_sync_wait = 1;
                    SELECT count(*), count(DISTINCT cell_id IS NULL) FROM nova_api.instance_mappings
                    """)
                #expect(rows == "20\t1")
            }
        }

        /// Reads and writes go on through the proxy while the node behind it is killed. Returns the hosts whose mapping was
        /// confirmed.
        private func survivesLoss(
            of first: GaleraCluster.Node, beside second: GaleraCluster.Node, _ id: CellID
        ) async throws -> Set<String> {
            let proxy = try TestProxy(to: first.port)
            defer { proxy.stop() }
            let directory = try newDirectory(GaleraCluster.url("nova_api", port: proxy.port)) {
                $0.lookupTimeout = .seconds(20)
                $0.writeTimeout = .seconds(30)
            }
            try await directory.mapHosts(["read"], to: id)
            let isOver = Locked(false)
            let written = Locked<Set<String>>([])
            let reads = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<3 {
                    group.addTask {
                        for number in 0... {
                            if isOver.withLock({ $0 }) { break }
                            let host = "load-\(writer)-\(number)"
                            do {
                                try await directory.mapHosts([host], to: id)
                                written.withLock { _ = $0.insert(host) }
                            } catch let error as CellError
                                where error.code == .indeterminate || error.code == .directoryUnavailable
                            {
                                // What is not confirmed may be there or not; the caller repeats it.
                                try await Task.sleep(for: .milliseconds(20))
                            }
                        }
                    }
                    group.addTask {
                        while !isOver.withLock({ $0 }) {
                            do {
                                #expect(try await directory.location(ofHost: "read").cell.id == id)
                                reads.withLock { $0 += 1 }
                            } catch let error as CellError where error.code == .directoryUnavailable {
                                try await Task.sleep(for: .milliseconds(20))
                            }
                        }
                    }
                }
                try await waitUntil { written.withLock(\.count) > 100 }
                await first.kill9()
                proxy.fail(over: second.port)
                let (writes, looks) = (written.withLock(\.count), reads.withLock { $0 })
                try await waitUntil { written.withLock(\.count) > writes + 100 && reads.withLock { $0 } > looks + 100 }
                isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            #expect(await second.status("wsrep_cluster_size") == "2")
            return written.withLock(\.self)
        }

        /// The last node of three has no majority: it refuses everybody, and that is told as what it is. When the
        /// cluster is made anew from it, all goes on.
        private func endsWithoutMajority(_ nodes: [GaleraCluster.Node], _ id: CellID) async throws {
            let (last, other) = (nodes[1], nodes[2])
            let hasty = try directory(at: last) { $0.waitsForCluster = false }
            let waiting = try directory(at: last)
            for directory in [hasty, waiting] { #expect(try await directory.cell(id).id == id) }
            await other.kill9()
            try await waitUntil { await last.status("wsrep_cluster_status") == "non-Primary" }
            let error = await cellError { try await hasty.cell(id) }
            #expect(error?.code == .directoryUnavailable)
            #expect(error?.message.contains("isn't part of its cluster") == true, "\(error?.description ?? "no error")")
            let inVain = await cellError { try await waiting.cell(id) }
            #expect(inVain?.code == .directoryUnavailable)
            #expect(inVain?.message.contains("cluster") == true, "\(inVain?.description ?? "no error")")
            let refusal = await cellError { try await hasty.mapHosts(["c"], to: id) }
            #expect(refusal?.code == .directoryUnavailable, "\(refusal?.description ?? "no error")")
            // What an operator does with a cluster whose other nodes are lost.
            try await last.execute("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
            for directory in [hasty, waiting] {
                try await waitUntil { await cellError { try await directory.cell(id) } == nil }
            }
            try await hasty.mapHosts(["c"], to: id)
        }
    }
#endif
