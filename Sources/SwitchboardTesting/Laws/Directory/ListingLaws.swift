import SwitchboardCells

/// The laws about listings and counts.
enum ListingLaws {
    static let all = [pages, hostPages, filters, growing, shrinking, projects, counts, usage]

    static let pages = DirectoryLaw(
        "Every mapping is in exactly one page, in the order in which they were created", .listings
    ) { bench in
        let cell = try await bench.makeCell()
        let numbers = [5, 3, 9, 1, 7, 2, 8]
        for number in numbers { try await bench.directory.mapInstances([bench.instance(number, cell.id)]) }
        // One that moves stays where it is.
        try await bench.directory.mapInstances([bench.instance(9, nil)])
        for size in [1, 2, 3, 6, 7, 8, 100] {
            try bench.expect("pages of \(size)", try await bench.numbers(pageSize: size), is: numbers)
        }
        let page = try await bench.directory.instanceMappings(matching: .all, after: nil, limit: 3)
        try bench.expect("a page of three", page.elements.count, is: 3)
        try bench.expect(page.next != nil, "a full page says that it is the last one")
        let rest = try await bench.directory.instanceMappings(matching: .all, after: page.next, limit: 100)
        try bench.expect("the rest", rest.elements.count, is: 4)
        try bench.expect(rest.next == nil, "the last page says that there are more")
        let none = try await bench.directory.instanceMappings(
            matching: InstanceFilter(projectID: "nobody"), after: nil, limit: 3)
        try bench.expect(none.elements.isEmpty && none.next == nil, "a listing of nothing has something")
    }

    static let hostPages = DirectoryLaw("Hosts are listed in pages, of one cell or of all", .listings) { bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        let names = (0..<11).map { "h\(20 - $0)" }
        for (index, name) in names.enumerated() {
            try await bench.directory.mapHosts([name], to: index.isMultiple(of: 3) ? two.id : one.id)
        }
        for size in [1, 3, 11, 12] {
            try bench.expect(
                "pages of \(size)", try await bench.hosts(pageSize: size).map(\.host), is: names)
            try bench.expect(
                "pages of \(size) of a cell", try await bench.hosts(in: two.id, pageSize: size).map(\.host),
                is: names.indices.filter { $0.isMultiple(of: 3) }.map { names[$0] })
        }
        let cells = Set(try await bench.hosts(in: one.id).map(\.cell))
        try bench.expect("the cells of a cell's hosts", cells, is: [one.id])
        try bench.expect("the hosts of a cell that isn't there", try await bench.hosts(in: .random()), is: [])
    }

    static let filters = DirectoryLaw("Listings of instances take every criterion, alone and together", .listings) {
        bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        var all: [InstanceMapping] = []
        for number in 0..<48 {
            all.append(
                bench.instance(
                    number + 1, [one.id, two.id, nil][number % 3], project: ["p", "q"][number / 3 % 2],
                    user: ["u", "v", nil, "w"][number / 6 % 4], isDeleted: number / 24 == 1))
        }
        try await bench.directory.mapInstances(all)
        let placements: [InstanceFilter.Placement?] = [nil, .cell(one.id), .notScheduled, .cell(.random())]
        for placement in placements {
            for project in [nil, "p", "nobody"] {
                for user in [nil, "u", "nobody"] {
                    for isDeleted in [nil, true, false] {
                        let filter = InstanceFilter(
                            placement: placement, projectID: project, userID: user, isQueuedForDelete: isDeleted)
                        let expected = all.enumerated().filter { _, mapping in
                            (placement == nil
                                || placement == (mapping.cell.map { .cell($0) } ?? .notScheduled))
                                && (project == nil || mapping.projectID == project)
                                && (user == nil || mapping.userID == user)
                                && (isDeleted == nil || mapping.isQueuedForDelete == isDeleted)
                        }.map { $0.offset + 1 }
                        try bench.expect("\(filter)", try await bench.numbers(filter, pageSize: 5), is: expected)
                    }
                }
            }
        }
    }

    static let growing = DirectoryLaw("What is added while a listing is read comes once or not at all", .listings) {
        bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances((1...20).map { bench.instance($0, cell.id) })
        var sequence = bench.directory.instanceMappings()
        sequence.pageSize = 4
        var seen: [String] = []
        for try await mapping in sequence {
            seen.append(mapping.instanceUUID)
            if seen.count <= 10 {
                try await bench.directory.mapInstances([bench.instance(100 + seen.count, cell.id)])
            }
        }
        try bench.expect(Set(seen).count == seen.count, "a mapping came twice: \(seen)")
        let first = (1...20).map(DirectoryBench.uuid)
        try bench.expect("those that were there before", Array(seen.prefix(20)), is: first)
    }

    static let shrinking = DirectoryLaw("What is forgotten while a listing is read hides nothing else", .listings) {
        bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances((1...20).map { bench.instance($0, cell.id) })
        var sequence = bench.directory.instanceMappings()
        sequence.pageSize = 4
        var seen: [Int] = []
        for try await mapping in sequence {
            seen.append(Int(mapping.instanceUUID.suffix(12)) ?? -1)
            // Those before the end of the page, the last of it included.
            if seen.count == 4 {
                let count = try await bench.directory.unmapInstances((1...4).map(DirectoryBench.uuid))
                try bench.expect("what was forgotten", count, is: 4)
            }
        }
        try bench.expect("what was seen", seen, is: Array(1...20))
    }

    static let projects = DirectoryLaw("A project's cells are those that hold its mappings", .listings) { bench in
        let cell0 = try await bench.directory.createCell(CellMapping(id: .cell0, transportURL: "none:///"))
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        try await bench.directory.mapInstances([
            bench.instance(1, two.id, isDeleted: true), bench.instance(2, .cell0), bench.instance(3, two.id),
            bench.instance(4, one.id, project: "q"), bench.instance(5, nil, project: "r"),
        ])
        try bench.expect("p", try await bench.directory.cells(ofProject: "p").cells, is: [cell0, two])
        try bench.expect("q", try await bench.directory.cells(ofProject: "q").cells, is: [one])
        for project in ["r", "nobody"] {
            try bench.expect(project, try await bench.directory.cells(ofProject: project).cells, is: [])
        }
    }

    static let counts = DirectoryLaw("Counts of instances leave out those that wait for deletion", .listings) { bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances([
            bench.instance(1, cell.id), bench.instance(2, cell.id, user: "v"), bench.instance(3, nil, user: nil),
            bench.instance(4, cell.id, isDeleted: true), bench.instance(5, cell.id, project: "q"),
        ])
        func counts(_ project: String, _ user: String?) async throws -> InstanceCounts {
            try await bench.directory.instanceCounts(ofProject: project, user: user)
        }
        try bench.expect("p", try await counts("p", nil), is: InstanceCounts(project: 3))
        try bench.expect("p, u", try await counts("p", "u"), is: InstanceCounts(project: 3, user: 1))
        try bench.expect("p, nobody", try await counts("p", "nobody"), is: InstanceCounts(project: 3, user: 0))
        try bench.expect("q, u", try await counts("q", "u"), is: InstanceCounts(project: 1, user: 1))
        try bench.expect("nobody", try await counts("nobody", "u"), is: InstanceCounts(project: 0, user: 0))
    }

    static let usage = DirectoryLaw("A cell's use counts hosts, instances, and those that wait for deletion", .listings)
    {
        bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        try await bench.directory.mapHosts(["a", "b"], to: one.id)
        try await bench.directory.mapInstances([
            bench.instance(1, one.id), bench.instance(2, one.id), bench.instance(3, one.id, isDeleted: true),
            bench.instance(4, two.id), bench.instance(5, nil),
        ])
        try bench.expect(
            "the first cell's", try await bench.directory.usage(of: one.id),
            is: CellUsage(hosts: 2, instances: 2, instancesQueuedForDelete: 1))
        try bench.expect(
            "the second cell's", try await bench.directory.usage(of: two.id),
            is: CellUsage(hosts: 0, instances: 1, instancesQueuedForDelete: 0))
    }
}
