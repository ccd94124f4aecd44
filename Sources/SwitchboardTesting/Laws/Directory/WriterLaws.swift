import SwitchboardCells

/// The laws about several writers at once.
enum WriterLaws {
    static let all = [creators, mappers, hostMappers, movers, deleters, cellMakers, readers, cancellation]

    private static let count = 6

    /// What several tasks give, started together.
    private static func together<Value: Sendable>(
        _ writers: [any MutableCellDirectory],
        _ body: @escaping @Sendable (Int, any MutableCellDirectory) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            for (number, writer) in writers.enumerated() {
                group.addTask { (number, try await body(number, writer)) }
            }
            var values: [(Int, Value)] = []
            for try await value in group { values.append(value) }
            return values.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    static let creators = DirectoryLaw("Of several writers that create one cell, exactly one does", .writers) { bench in
        for _ in 0..<5 {
            let id = CellID.random()
            let created = try await together(try bench.writers(count)) { number, writer in
                do {
                    try await writer.createCell(
                        CellMapping(id: id, name: "w\(number)", transportURL: "rabbit://u:p@h/v"))
                    return true
                } catch let error as CellError where error.code == .alreadyExists {
                    return false
                }
            }
            try bench.expect("how many created it", created.count { $0 }, is: 1)
            let name = try await bench.directory.cell(id).name
            try bench.expect("whose it is", name, is: created.firstIndex(of: true).map { "w\($0)" })
        }
    }

    static let mappers = DirectoryLaw(
        "Of several writers that map the same instances, each instance is added by exactly one", .writers
    ) { bench in
        let cell = try await bench.makeCell()
        for round in 0..<3 {
            let numbers = Array(round * 1000 + 1...round * 1000 + 90)
            let results = try await together(try bench.writers(count)) { _, writer in
                var result = MappingResult()
                // In small changes and in an order of its own.
                let shuffled = numbers.shuffled()
                for start in stride(from: 0, to: shuffled.count, by: 15) {
                    let part = try await writer.mapInstances(
                        shuffled[start..<start + 15].map { bench.instance($0, cell.id) })
                    result.added += part.added
                    result.changed += part.changed
                    result.unchanged += part.unchanged
                }
                return result
            }
            try bench.expect("how many were added", results.reduce(0) { $0 + $1.added }, is: numbers.count)
            try bench.expect("how many were changed", results.reduce(0) { $0 + $1.changed }, is: 0)
            try bench.expect(
                "how many were there", results.reduce(0) { $0 + $1.unchanged }, is: numbers.count * (count - 1))
        }
        let stored = try await bench.numbers().sorted()
        try bench.expect(
            "what is stored", stored, is: [Array(1...90), Array(1001...1090), Array(2001...2090)].flatMap { $0 })
    }

    static let hostMappers = DirectoryLaw(
        "Of several writers that map the same hosts, each host is added by exactly one", .writers
    ) { bench in
        let cell = try await bench.makeCell()
        let names = (1...60).map { "h\($0)" }
        let added = try await together(try bench.writers(count)) { _, writer in
            var added = 0
            let shuffled = names.shuffled()
            for start in stride(from: 0, to: shuffled.count, by: 12) {
                added += try await writer.mapHosts(Array(shuffled[start..<start + 12]), to: cell.id).added
            }
            return added
        }
        try bench.expect("how many were added", added.reduce(0, +), is: names.count)
        try bench.expect("what is stored", try await bench.hosts().map(\.host).sorted(), is: names.sorted())
    }

    static let movers = DirectoryLaw("Instances that several writers move are each where somebody moved them", .writers)
    {
        bench in
        var cells: [CellID] = []
        for number in 0..<count { cells.append(try await bench.makeCell("c\(number)").id) }
        let numbers = Array(1...40)
        try await bench.directory.mapInstances(numbers.map { bench.instance($0, nil) })
        let changed = try await together(try bench.writers(count)) { [cells] number, writer in
            var changed = 0
            for _ in 0..<4 {
                changed += try await writer.mapInstances(
                    numbers.shuffled().map { bench.instance($0, cells[number]) }
                ).changed
            }
            return changed
        }
        try bench.expect(
            changed.reduce(0, +) >= numbers.count, "only \(changed.reduce(0, +)) changes are counted")
        try bench.expect("what is stored", try await bench.numbers(), is: numbers)
        // Each change is of all instances, so that all are in the cell of whoever came last.
        let used = try await cells.asyncFilter { try await bench.directory.usage(of: $0).instances > 0 }
        try bench.expect("in how many cells they are", used.count, is: 1)
    }

    static let deleters = DirectoryLaw(
        "A cell that is deleted while others map to it leaves no mapping without a cell", .writers
    ) { bench in
        for round in 0..<6 {
            let cell = try await bench.makeCell("c\(round)")
            let writers = try bench.writers(count)
            _ = try await together(writers) { number, writer in
                do {
                    if number == 0 {
                        try await writer.deleteCell(cell.id, force: true)
                    } else {
                        let base = round * 1000 + number * 100
                        for instance in base..<base + 5 {
                            try await writer.mapInstances([bench.instance(instance, cell.id)])
                        }
                        try await writer.mapHosts(["h\(base)"], to: cell.id)
                    }
                } catch let error as CellError where [.unknownCell, .instancesMapped].contains(error.code) {
                    // Somebody was faster.
                }
            }
            let isThere = try await bench.directory.cells().cells.contains { $0.id == cell.id }
            for number in 1..<count {
                for instance in 0..<5 {
                    do {
                        let uuid = DirectoryBench.uuid(round * 1000 + number * 100 + instance)
                        let location = try await bench.directory.location(ofInstance: uuid)
                        try bench.expect(isThere, "an instance is in a cell that was deleted")
                        try bench.expect("its cell", location.cell?.id, is: cell.id)
                    } catch let error as CellError where error.code == .unknownInstance {
                        // Not mapped, or forgotten with the cell.
                    }
                }
            }
            for host in try await bench.hosts() {
                try bench.expect(host.cell != nil, "the host \(host.host) is in a cell that was deleted")
            }
        }
    }

    static let cellMakers = DirectoryLaw("Updates of one cell by several writers are all there", .writers) { bench in
        let cell = try await bench.makeCell()
        _ = try await together(try bench.writers(4)) { number, writer in
            for round in 0..<5 {
                switch number {
                case 0: try await writer.updateCell(cell.id, CellChange(name: "n\(round)"))
                case 1:
                    try await writer.updateCell(
                        cell.id, CellChange(transportURL: URLTemplate("rabbit://u:p@h/v\(round)")))
                case 2:
                    try await writer.updateCell(
                        cell.id, CellChange(databaseConnection: URLTemplate("mysql://h/d\(round)")))
                default: try await writer.updateCell(cell.id, CellChange(isDisabled: round.isMultiple(of: 2)))
                }
            }
        }
        let stored = try await bench.directory.cell(cell.id)
        try bench.expect(
            stored.name == "n4" && stored.transportURL == "rabbit://u:p@h/v4"
                && stored.databaseConnection == "mysql://h/d4" && stored.isDisabled,
            "an update is lost: \(stored.name ?? "-"), \(stored.transportURL?.reveal() ?? "-")")
    }

    static let readers = DirectoryLaw("Readers see each change completely or not at all, and go on meanwhile", .writers)
    {
        bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        let numbers = Array(1...30)
        try await bench.directory.mapInstances(numbers.map { bench.instance($0, one.id) })
        _ = try await together(try bench.writers(4)) { number, directory in
            if number == 0 {
                for round in 0..<20 {
                    let cell = round.isMultiple(of: 2) ? two.id : one.id
                    let result = try await directory.mapInstances(numbers.map { bench.instance($0, cell) })
                    try bench.expect("a change", result, is: MappingResult(changed: numbers.count))
                }
            } else {
                for _ in 0..<20 {
                    let page = try await directory.instanceMappings(matching: .all, after: nil, limit: 100)
                    try bench.expect("the instances in a page", page.elements.count, is: numbers.count)
                    let cells = Set(page.elements.map(\.cell))
                    try bench.expect("the cells in one page", cells.count, is: 1)
                    _ = try await directory.location(ofInstance: DirectoryBench.uuid(7)).requireCell()
                }
            }
        }
    }

    static let cancellation = DirectoryLaw("A cancelled task's calls end, and harm no other", .writers) { bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances([bench.instance(1, cell.id)])
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    for round in 0..<200 {
                        _ = try? await bench.directory.location(ofInstance: DirectoryBench.uuid(1))
                        _ = try? await bench.directory.mapInstances([
                            bench.instance(1000 + number * 200 + round, cell.id)
                        ])
                        _ = try? await bench.directory.cells()
                        if Task.isCancelled { return }
                    }
                }
            }
            try? await Task.sleep(for: .milliseconds(30))
            group.cancelAll()
        }
        let found = try await bench.directory.cell(ofInstance: DirectoryBench.uuid(1))
        try bench.expect("a look-up afterwards", found, is: cell)
        try bench.expect(
            "a change afterwards", try await bench.directory.mapHosts(["a"], to: cell.id), is: MappingResult(added: 1))
    }
}

extension Array {
    fileprivate func asyncFilter(_ isIncluded: (Element) async throws -> Bool) async rethrows -> [Element] {
        var kept: [Element] = []
        for element in self where try await isIncluded(element) { kept.append(element) }
        return kept
    }
}
