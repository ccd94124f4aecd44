import SwitchboardCells

/// The laws about what is stored.
enum ValueLaws {
    static let all = [text, manyBytes, noManyBytes, lengths, longURLs, noLongURLs, times, seconds, secrets]

    /// Text with what is special somewhere: to SQL, to URLs, to templates, to a character set.
    private static let samples = [
        "'", "\"", "`", "\\", "%", "_", "?", ":x", "--", ";", "/*", "a\nb", "a\tb", " leading", "trailing ", "é",
        "e\u{301}",
        "ß", "İ", "中文", "ﬁ", "\u{200D}", "\u{FEFF}", "\u{FFFD}", "NULL", "0", "1e3", "true",
        "'; DROP TABLE cell_mappings; --",
        "{{}}", "100%s", "$1", "\\0", "\\N", "\u{7F}", "\r\n", "«»", "\u{FFFF}",
    ]

    private static func random(_ generator: inout SeededGenerator, upTo highest: UInt32) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...40, using: &generator) {
            guard Int.random(in: 0..<3, using: &generator) > 0 else {
                text += samples.randomElement(using: &generator) ?? ""
                continue
            }
            let ranges: [ClosedRange<UInt32>] = [0x20...0x7E, 0xA0...0x2FF, 0x370...0xD7FF, 0xE000...highest]
            let range = ranges.randomElement(using: &generator) ?? 0x20...0x7E
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func check(_ texts: [String], _ bench: DirectoryBench) async throws {
        for (number, text) in texts.enumerated() {
            let what = "the text \(text.debugDescription)"
            let escaped = text.map { $0 == "{" ? "{{" : $0 == "}" ? "}}" : String($0) }.joined()
            let draft = CellMapping(
                id: .random(), name: "n" + text, transportURL: URLTemplate("{scheme}://\(escaped)"),
                databaseConnection: URLTemplate("mysql://\(escaped)"))
            let created = try await bench.directory.createCell(draft)
            try bench.expect("a name with \(what)", created.name, is: draft.name)
            let cell = try await bench.directory.cell(draft.id)
            try bench.expect(
                "a URL with \(what)", cell.transportURL?.reveal(), is: draft.transportURL?.reveal())
            try bench.expect(
                "a database with \(what)", cell.databaseConnection?.reveal(), is: draft.databaseConnection?.reveal())
            let host = "h\(number)-" + text
            try await bench.directory.mapHosts([host], to: draft.id)
            try bench.expect(
                "a host with \(what)", try await bench.directory.location(ofHost: host).mapping.host, is: host)
            let mapping = bench.instance(number, draft.id, project: "p\(number)-" + text, user: "u" + text)
            try await bench.directory.mapInstances([mapping])
            let found = try await bench.directory.location(ofInstance: mapping.instanceUUID).mapping
            try bench.expect("a project with \(what)", found.projectID, is: mapping.projectID)
            try bench.expect("a user with \(what)", found.userID, is: mapping.userID)
            let listed = try await bench.numbers(InstanceFilter(projectID: mapping.projectID, userID: mapping.userID))
            try bench.expect("the instances of a project with \(what)", listed, is: [number])
        }
        // Text compares by what it shows, and a database by what it is.
        let names = Set(try await bench.hosts().map { Array($0.host.unicodeScalars) })
        try bench.expect("the number of hosts", names.count, is: texts.count)
    }

    static let text = DirectoryLaw("Text is read back as it was stored, whatever it is", .values) { bench in
        var generator = SeededGenerator(22)
        try await check(samples + (0..<40).map { _ in random(&generator, upTo: 0xFFFF) }, bench)
    }

    static let manyBytes = DirectoryLaw(
        "Characters of four bytes are read back as they were stored", .values, proves: .storesAllCharacters
    ) { bench in
        var generator = SeededGenerator(23)
        try await check(["😀", "🇩🇪", "👩‍👩‍👧"] + (0..<20).map { _ in random(&generator, upTo: 0x10FFFF) }, bench)
    }

    static let noManyBytes = DirectoryLaw(
        "Characters that the directory can't store are refused, and look-ups with them find nothing", .values,
        unless: .storesAllCharacters
    ) { bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapHosts(["h?", "h"], to: cell.id)
        try await bench.expectError(.invalidValue, "a cell named 😀") {
            try await bench.directory.createCell(bench.newCell("😀"))
        }
        try await bench.expectError(.invalidValue, "renaming a cell to 😀") {
            try await bench.directory.updateCell(cell.id, CellChange(name: "😀"))
        }
        try await bench.expectError(.invalidValue, "a host named 😀") {
            try await bench.directory.mapHosts(["good", "h😀"], to: cell.id)
        }
        try await bench.expectError(.invalidValue, "a project named 😀") {
            try await bench.directory.mapInstances([bench.instance(1, cell.id, project: "😀")])
        }
        try await bench.expectError(.unknownHost, "the host h😀") { try await bench.directory.location(ofHost: "h😀") }
        try bench.expect("instances of 😀", try await bench.numbers(InstanceFilter(projectID: "😀")), is: [])
        try bench.expect("hosts", try await bench.hosts().map(\.host), is: ["h?", "h"])
        try bench.expect("cells", try await bench.directory.cells().cells, is: [cell])
    }

    static let lengths = DirectoryLaw("Names have 255 characters at most", .values) { bench in
        let longest = String(repeating: "ü", count: 255)
        let cell = try await bench.directory.createCell(bench.newCell(longest))
        try bench.expect("the longest name", cell.name, is: longest)
        try bench.expect("the longest name, read again", try await bench.directory.cell(cell.id).name, is: longest)
        try await bench.directory.mapHosts([longest], to: cell.id)
        try bench.expect(
            "the longest host", try await bench.directory.location(ofHost: longest).mapping.host, is: longest)
        let mapping = bench.instance(1, cell.id, project: longest, user: longest)
        try await bench.directory.mapInstances([mapping])
        let found = try await bench.directory.location(ofInstance: mapping.instanceUUID).mapping
        try bench.expect(
            found.projectID == longest && found.userID == longest, "the longest project or user is cut off")
        try await bench.expectError(.invalidValue, "a name of 256 characters") {
            try await bench.directory.createCell(bench.newCell(longest + "x"))
        }
        try await bench.expectError(.invalidValue, "a host of 256 characters") {
            try await bench.directory.mapHosts([longest + "x"], to: cell.id)
        }
        try bench.expect("the cells", try await bench.directory.cells().cells, is: [cell])
    }

    private static func url(_ bytes: Int) -> URLTemplate {
        let head = "rabbit://u:p@h/"
        return URLTemplate(head + String(repeating: "x", count: bytes - head.utf8.count))
    }

    static let longURLs = DirectoryLaw("URLs have any length", .values, proves: .storesLongURLs) { bench in
        var draft = bench.newCell("long", url(100_000))
        draft.databaseConnection = url(200_000)
        let cell = try await bench.directory.createCell(draft)
        try bench.expect("the length", cell.transportURL?.reveal().utf8.count, is: 100_000)
        try bench.expect("the database's", cell.databaseConnection?.reveal().utf8.count, is: 200_000)
    }

    static let noLongURLs = DirectoryLaw(
        "URLs have up to 65,535 bytes, and longer ones are refused", .values, unless: .storesLongURLs
    ) { bench in
        var draft = bench.newCell("long", url(65_535))
        draft.databaseConnection = url(65_535)
        let cell = try await bench.directory.createCell(draft)
        try bench.expect("the URL", cell.transportURL?.reveal(), is: draft.transportURL?.reveal())
        try bench.expect("the database", cell.databaseConnection?.reveal(), is: draft.databaseConnection?.reveal())
        let error = try await bench.expectError(.invalidValue, "a URL of 65,536 bytes") {
            try await bench.directory.createCell(bench.newCell("longer", url(65_536)))
        }
        try bench.expect(error.message.contains("transport url"), "the error doesn't name it: \(error.message)")
        try await bench.expectError(.invalidValue, "an update to it") {
            try await bench.directory.updateCell(cell.id, CellChange(databaseConnection: url(65_536)))
        }
        try bench.expect("the cells", try await bench.directory.cells().cells, is: [cell])
    }

    private static let moment = MappingTimestamp("2026-11-23 16:47:37.658485")

    private static func created(_ bench: DirectoryBench) async throws -> [MappingTimestamp?] {
        var draft = bench.newCell("one")
        draft.createdAt = moment
        let cell = try await bench.directory.createCell(draft)
        var mapping = bench.instance(1, cell.id)
        mapping.createdAt = moment
        try await bench.directory.mapInstances([mapping])
        return [cell.createdAt, try await bench.directory.location(ofInstance: mapping.instanceUUID).mapping.createdAt]
    }

    static let times = DirectoryLaw("Times keep their microseconds", .values, proves: .keepsMicroseconds) { bench in
        try bench.expect("the times", try await created(bench), is: [moment, moment])
    }

    static let seconds = DirectoryLaw("Times are cut off to the second", .values, unless: .keepsMicroseconds) { bench in
        let second = MappingTimestamp("2026-11-23 16:47:37")
        try bench.expect("the times", try await created(bench), is: [second, second])
    }

    static let secrets = DirectoryLaw("No error shows what is secret in a URL", .values) { bench in
        let secret = "CANARY"
        let cell = try await bench.makeCell()
        let urls = [
            "rabbit://u:\(secret)@h:port/", "rabbit://u:\(secret)@{nobody}/", "rabbit://u:\(secret){@h/",
            "rabbit://u:😀\(secret)@h/v", "rabbit://u:\(secret)@h/" + String(repeating: "x", count: 70_000),
        ]
        for url in urls {
            do {
                try await bench.directory.createCell(bench.newCell("bad", URLTemplate(url)))
            } catch {
                try bench.expect(!"\(error)".contains(secret), "an error shows it: \(error)")
            }
            do {
                try await bench.directory.updateCell(
                    cell.id, CellChange(transportURL: URLTemplate(url), databaseConnection: URLTemplate(url)))
            } catch {
                try bench.expect(!"\(error)".contains(secret), "an error shows it: \(error)")
            }
        }
        var again = bench.newCell("again", "rabbit://u:CANARY@h/v")
        again.id = cell.id
        let error = try await bench.expectError(.alreadyExists, "a cell that exists") { [again] in
            try await bench.directory.createCell(again)
        }
        try bench.expect(!"\(error)".contains(secret), "an error shows it: \(error)")
    }
}
