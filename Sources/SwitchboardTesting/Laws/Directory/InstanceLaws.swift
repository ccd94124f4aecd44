import SwitchboardCells

/// The laws about instances.
enum InstanceLaws {
    static let all = [lookup, spelling, mapping, atomicity, repetition, unscheduled, noUser, errors, bulk]

    static let lookup = DirectoryLaw("An instance is found in its cell, in one look-up", .instances) { bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        try await bench.directory.mapInstances([
            bench.instance(1, one.id), bench.instance(2, two.id, project: "q", user: "v", isDeleted: true),
        ])
        let location = try await bench.directory.location(ofInstance: DirectoryBench.uuid(2))
        try bench.expect("its cell", location.cell, is: two)
        try bench.expect("the mapping's cell", location.mapping.cell, is: two.id)
        try bench.expect("its UUID", location.mapping.instanceUUID, is: DirectoryBench.uuid(2))
        try bench.expect("its project", location.mapping.projectID, is: "q")
        try bench.expect("its user", location.mapping.userID, is: "v")
        try bench.expect(location.mapping.isQueuedForDelete, "it doesn't wait for deletion")
        try bench.expect(location.mapping.createdAt != nil, "it has no time of creation")
        try bench.expect(
            "another one's cell", try await bench.directory.cell(ofInstance: DirectoryBench.uuid(1)), is: one)
    }

    static let spelling = DirectoryLaw("An instance's UUID may be in upper case and without dashes", .instances) {
        bench in
        let cell = try await bench.makeCell()
        let uuid = "abcdef01-2345-4678-9abc-def012345678"
        let result = try await bench.directory.mapInstances([
            InstanceMapping(instanceUUID: uuid.uppercased(), cell: cell.id, projectID: "p")
        ])
        try bench.expect("what was added", result, is: MappingResult(added: 1))
        for text in [uuid, uuid.uppercased(), uuid.filter { $0 != "-" }, uuid.uppercased().filter { $0 != "-" }] {
            let found = try await bench.directory.location(ofInstance: text).mapping.instanceUUID
            try bench.expect("\(text)", found, is: uuid)
        }
        let bare = uuid.uppercased().filter { $0 != "-" }
        try bench.expect("what was unmapped", try await bench.directory.unmapInstances([bare]), is: 1)
    }

    static let mapping = DirectoryLaw("Instances are mapped, moved, left and forgotten", .instances) { bench in
        let directory = bench.directory
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        let first = try await directory.mapInstances([bench.instance(1, one.id), bench.instance(2, nil)])
        try bench.expect("the first change", first, is: MappingResult(added: 2))
        let created = try await directory.location(ofInstance: DirectoryBench.uuid(1)).mapping
        try bench.expect(created.updatedAt == nil, "a new mapping has a time of change")
        let second = try await directory.mapInstances([
            bench.instance(1, two.id), bench.instance(2, nil), bench.instance(3, one.id),
        ])
        try bench.expect("the second change", second, is: MappingResult(added: 1, changed: 1, unchanged: 1))
        let moved = try await directory.location(ofInstance: DirectoryBench.uuid(1))
        try bench.expect("the new cell", moved.cell?.id, is: two.id)
        try bench.expect("the time of creation", moved.mapping.createdAt, is: created.createdAt)
        try bench.expect(moved.mapping.updatedAt != nil, "a moved mapping has no time of change")
        for change in [
            bench.instance(3, one.id, project: "q"), bench.instance(3, one.id, project: "q", user: "v"),
            bench.instance(3, one.id, project: "q", user: nil),
            bench.instance(3, one.id, project: "q", user: nil, isDeleted: true), bench.instance(3, nil, project: "q"),
        ] {
            try bench.expect(
                "a change of one column", try await directory.mapInstances([change]), is: MappingResult(changed: 1))
            let stored = try await directory.location(ofInstance: DirectoryBench.uuid(3)).mapping
            try bench.expect(
                stored.placement == change.placement && stored.projectID == change.projectID
                    && stored.userID == change.userID && stored.isQueuedForDelete == change.isQueuedForDelete,
                "what is stored is \(stored), and not \(change)")
        }
        let count = try await directory.unmapInstances([DirectoryBench.uuid(1), DirectoryBench.uuid(99)])
        try bench.expect("what was forgotten", count, is: 1)
        try await bench.expectError(.unknownInstance, "a forgotten instance") {
            try await directory.location(ofInstance: DirectoryBench.uuid(1))
        }
        try bench.expect("those that are left", try await bench.numbers(), is: [2, 3])
    }

    static let atomicity = DirectoryLaw("A change takes effect completely or not at all", .instances) { bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances([bench.instance(1, cell.id)])
        try await bench.expectError(.unknownCell, "a change of which a part is impossible") {
            try await bench.directory.mapInstances(
                [bench.instance(1, nil)] + (2...150).map { bench.instance($0, cell.id) } + [
                    bench.instance(151, .random())
                ])
        }
        try bench.expect("the instances", try await bench.numbers(), is: [1])
        let location = try await bench.directory.location(ofInstance: DirectoryBench.uuid(1))
        try bench.expect("the cell of the first one", location.cell, is: cell)
        try await bench.expectError(.invalidUUID, "forgetting what has no UUID") {
            try await bench.directory.unmapInstances([DirectoryBench.uuid(1), "instance-1"])
        }
        try bench.expect("the instances", try await bench.numbers(), is: [1])
    }

    static let repetition = DirectoryLaw("An instance that a change names twice is where it was named last", .instances)
    {
        bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        let result = try await bench.directory.mapInstances([
            bench.instance(1, one.id), bench.instance(2, one.id), bench.instance(1, two.id), bench.instance(2, one.id),
        ])
        try bench.expect("the change", result, is: MappingResult(added: 2, changed: 1, unchanged: 1))
        try bench.expect(
            "its cell", try await bench.directory.cell(ofInstance: DirectoryBench.uuid(1)).id, is: two.id)
    }

    static let unscheduled = DirectoryLaw("An instance without a cell is found, and waits to be scheduled", .instances)
    {
        bench in
        try await bench.makeCell()
        try await bench.directory.mapInstances([bench.instance(1, nil)])
        let location = try await bench.directory.location(ofInstance: DirectoryBench.uuid(1))
        try bench.expect("its cell", location.cell, is: nil)
        try bench.expect("its placement", location.mapping.placement, is: .notScheduled)
        try await bench.expectError(.notScheduled, "asking for its cell") {
            try await bench.directory.cell(ofInstance: DirectoryBench.uuid(1))
        }
    }

    static let noUser = DirectoryLaw("An instance may be without a user", .instances) { bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances([bench.instance(1, cell.id, user: nil)])
        let found = try await bench.directory.location(ofInstance: DirectoryBench.uuid(1)).mapping
        try bench.expect("its user", found.userID, is: nil)
        let again = try await bench.directory.mapInstances([bench.instance(1, cell.id, user: nil)])
        try bench.expect("mapping it again", again, is: MappingResult(unchanged: 1))
    }

    static let errors = DirectoryLaw("Unknown and badly named instances are errors of their own", .instances) { bench in
        let cell = try await bench.makeCell()
        let error = try await bench.expectError(.unknownInstance, "an unknown instance") {
            try await bench.directory.location(ofInstance: DirectoryBench.uuid(77))
        }
        try bench.expect(error.message.contains(DirectoryBench.uuid(77)), "it isn't named: \(error.message)")
        for text in ["", "instance-1", "10000000 0000 4000 8000 000000000002", DirectoryBench.uuid(1) + "0"] {
            try await bench.expectError(.invalidUUID, "the instance '\(text)'") {
                try await bench.directory.location(ofInstance: text)
            }
        }
        for mapping in [
            bench.instance(1, cell.id, project: ""), bench.instance(1, cell.id, user: ""),
            bench.instance(1, cell.id, project: String(repeating: "x", count: 256)),
        ] {
            try await bench.expectError(.invalidValue, "a mapping without a project or user, or with a long one") {
                try await bench.directory.mapInstances([mapping])
            }
        }
        try bench.expect("the instances", try await bench.numbers(), is: [])
    }

    static let bulk = DirectoryLaw("Many instances in one change are counted and found, each", .instances) { bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        let all = (1...333).map { bench.instance($0, $0.isMultiple(of: 3) ? two.id : one.id) }
        try bench.expect("adding", try await bench.directory.mapInstances(all), is: MappingResult(added: 333))
        try bench.expect("the order", try await bench.numbers(), is: Array(1...333))
        let moved = (100...400).map { bench.instance($0, two.id) }
        let result = try await bench.directory.mapInstances(moved)
        try bench.expect("moving", result, is: MappingResult(added: 67, changed: 156, unchanged: 78))
        let count = try await bench.numbers(InstanceFilter(placement: .cell(two.id))).count
        try bench.expect("those in the second cell", count, is: 334)
        let uuids = (1...500).map(DirectoryBench.uuid)
        try bench.expect("forgetting", try await bench.directory.unmapInstances(uuids), is: 400)
        try bench.expect("what is left", try await bench.numbers(), is: [])
    }
}
