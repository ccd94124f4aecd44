import SwitchboardCells

/// The laws about hosts.
enum HostLaws {
    static let all = [mapping, errors, bulk, oneCase, cases, blanks, noBlanks]

    static let mapping = DirectoryLaw("Hosts are mapped, moved, left and forgotten", .hosts) { bench in
        let directory = bench.directory
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        try bench.expect("adding", try await directory.mapHosts(["a", "b"], to: one.id), is: MappingResult(added: 2))
        let created = try await directory.location(ofHost: "a")
        try bench.expect("the cell", created.cell, is: one)
        try bench.expect("the mapping", created.mapping.cell, is: one.id)
        try bench.expect(
            created.mapping.createdAt != nil && created.mapping.updatedAt == nil, "a new mapping's times are wrong")
        try bench.expect(
            "adding one more", try await directory.mapHosts(["a", "b", "c"], to: one.id),
            is: MappingResult(added: 1, unchanged: 2))
        try bench.expect("moving", try await directory.mapHosts(["a"], to: two.id), is: MappingResult(changed: 1))
        let moved = try await directory.location(ofHost: "a")
        try bench.expect("the new cell", moved.cell.id, is: two.id)
        try bench.expect("the time of creation", moved.mapping.createdAt, is: created.mapping.createdAt)
        try bench.expect(moved.mapping.updatedAt != nil, "a moved mapping has no time of change")
        try bench.expect("the first cell's hosts", try await bench.hosts(in: one.id).map(\.host), is: ["b", "c"])
        try bench.expect("all hosts", try await bench.hosts().map(\.host), is: ["a", "b", "c"])
        try await directory.deleteHost("a")
        try await bench.expectError(.unknownHost, "deleting it again") { try await directory.deleteHost("a") }
        try await bench.expectError(.unknownHost, "a deleted host") { try await directory.location(ofHost: "a") }
        try bench.expect("the others", try await bench.hosts().map(\.host), is: ["b", "c"])
    }

    static let errors = DirectoryLaw("Unknown and unnamed hosts are errors of their own", .hosts) { bench in
        let cell = try await bench.makeCell()
        let error = try await bench.expectError(.unknownHost, "an unknown host") {
            try await bench.directory.location(ofHost: "nowhere")
        }
        try bench.expect(error.message.contains("nowhere"), "the host isn't named: \(error.message)")
        try await bench.expectError(.unknownHost, "a host without a name") {
            try await bench.directory.location(ofHost: "")
        }
        for host in ["", String(repeating: "x", count: 256)] {
            try await bench.expectError(.invalidValue, "mapping a host with \(host.count) characters") {
                try await bench.directory.mapHosts(["good", host], to: cell.id)
            }
        }
        try bench.expect("the hosts", try await bench.hosts(), is: [])
    }

    static let bulk = DirectoryLaw("Many hosts in one change are counted and found, each", .hosts) { bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        let names = (1...200).map { $0.isMultiple(of: 50) ? "hôte-\($0)" : "host-\($0)" }
        try bench.expect("adding", try await bench.directory.mapHosts(names, to: one.id), is: MappingResult(added: 200))
        try bench.expect("the order", try await bench.hosts().map(\.host), is: names)
        let more = names[90...] + (201...230).map { "host-\($0)" } + ["host-201"]
        let result = try await bench.directory.mapHosts(Array(more), to: two.id)
        try bench.expect("moving", result, is: MappingResult(added: 30, changed: 110, unchanged: 1))
        for name in ["host-91", "hôte-100", "host-230"] {
            try bench.expect(
                "the cell of \(name)", try await bench.directory.location(ofHost: name).cell.id, is: two.id)
        }
        try bench.expect("the cell of host-1", try await bench.directory.location(ofHost: "host-1").cell.id, is: one.id)
    }

    static let oneCase = DirectoryLaw(
        "Hosts that differ in the case of their letters are one host", .hosts, proves: .foldsCase
    ) { bench in
        let (one, two) = (try await bench.makeCell(), try await bench.makeCell("two"))
        try bench.expect(
            "mapping two spellings", try await bench.directory.mapHosts(["Host1", "host1"], to: one.id),
            is: MappingResult(added: 1, unchanged: 1))
        try bench.expect(
            "mapping it with others", try await bench.directory.mapHosts(["HOST1", "host2", "hOST2"], to: one.id),
            is: MappingResult(added: 1, unchanged: 2))
        let found = try await bench.directory.location(ofHost: "HOST1")
        try bench.expect("its name", found.mapping.host, is: "Host1")
        try bench.expect(
            "moving it", try await bench.directory.mapHosts(["hOST1"], to: two.id), is: MappingResult(changed: 1))
        try await bench.directory.deleteHost("HOST1")
        try bench.expect("the hosts", try await bench.hosts().map(\.host), is: ["host2"])
    }

    static let cases = DirectoryLaw(
        "Hosts that differ in the case of their letters are different hosts", .hosts, unless: .foldsCase
    ) { bench in
        let cell = try await bench.makeCell()
        let names = ["Host1", "host1", "HOST1"]
        try bench.expect("mapping", try await bench.directory.mapHosts(names, to: cell.id), is: MappingResult(added: 3))
        for name in names {
            try bench.expect("the name", try await bench.directory.location(ofHost: name).mapping.host, is: name)
        }
        try await bench.expectError(.unknownHost, "a fourth spelling") {
            try await bench.directory.location(ofHost: "hOST1")
        }
    }

    static let blanks = DirectoryLaw(
        "Blanks at the end of a host's name don't matter", .hosts, proves: .ignoresTrailingBlanks
    ) { bench in
        let cell = try await bench.makeCell()
        try bench.expect(
            "mapping", try await bench.directory.mapHosts(["h1 ", "h1", "h2", "h2  "], to: cell.id),
            is: MappingResult(added: 2, unchanged: 2))
        try bench.expect("one of them", try await bench.directory.location(ofHost: "h1   ").mapping.host, is: "h1 ")
        try await bench.expectError(.unknownHost, "a blank at the beginning") {
            try await bench.directory.location(ofHost: " h1")
        }
    }

    static let noBlanks = DirectoryLaw(
        "Blanks at the end of a host's name matter", .hosts, unless: .ignoresTrailingBlanks
    ) { bench in
        let cell = try await bench.makeCell()
        try bench.expect(
            "mapping", try await bench.directory.mapHosts(["h1 ", "h1"], to: cell.id), is: MappingResult(added: 2))
        try bench.expect("one of them", try await bench.directory.location(ofHost: "h1 ").mapping.host, is: "h1 ")
    }
}
