import SwitchboardCells
import SwitchboardCore
import SwitchboardTesting
import Testing

/// A directory that breaks one promise.
private struct MutantDirectory: MutableCellDirectory {
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
        case losesUpdates, overwritesCells, forgetsNames, disablesCell0, deletesUsedCells, ignoresCase, dropsPageEnds,
            repeatsPageEnds, ignoresUsers, countsDeleted, forgetsProjects, staysAtOneVersion, countsTwice,
            writesInParts, truncatesText, findsNothingInUpperCase, acceptsEmptyHosts, givesOtherErrors, leaksSecrets,
            roundsTimes, unmapsTooLittle, listsCellsBackwards, neverAnswers, createsTwice
        var testDescription: String { rawValue }
    }

    let base = InMemoryCellDirectory()
    let fault: Fault

    func location(ofInstance uuid: String) async throws(CellError) -> InstanceLocation {
        if fault == .findsNothingInUpperCase, uuid != uuid.lowercased() { throw CellError(.unknownInstance, "\(uuid)") }
        if fault == .givesOtherErrors {
            do { return try await base.location(ofInstance: uuid) } catch {
                throw CellError(.unknownCell, "It isn't there.")
            }
        }
        if fault == .neverAnswers { try? await Task.sleep(for: .seconds(3600)) }
        return try await base.location(ofInstance: uuid)
    }

    func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await base.location(ofHost: fault == .ignoresCase ? host.lowercased() : host)
    }

    func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        var cell = try await base.cell(id)
        if fault == .forgetsNames { cell.name = nil }
        if fault == .truncatesText { cell.name = cell.name.map { String($0.prefix(20)) } }
        return cell
    }

    func cells() async throws(CellError) -> CellListing {
        var listing = try await base.cells()
        if fault == .listsCellsBackwards { listing.cells.reverse() }
        return listing
    }

    func cells(ofProject project: String) async throws(CellError) -> CellListing {
        fault == .forgetsProjects ? CellListing(cells: []) : try await base.cells(ofProject: project)
    }

    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        var filter = filter
        if fault == .ignoresUsers { filter.userID = nil }
        var page = try await base.instanceMappings(matching: filter, after: token, limit: limit)
        if fault == .dropsPageEnds, page.next != nil { page.elements.removeLast() }
        if fault == .repeatsPageEnds, let next = page.next { page.next = PageToken(position: next.position - 1) }
        return page
    }

    func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        try await base.hostMappings(in: cell, after: token, limit: limit)
    }

    func instanceCounts(ofProject project: String, user: String?) async throws(CellError) -> InstanceCounts {
        guard fault == .countsDeleted else { return try await base.instanceCounts(ofProject: project, user: user) }
        let all = try await base.instanceMappings(matching: InstanceFilter(projectID: project), after: nil, limit: 1000)
        return InstanceCounts(
            project: all.elements.count, user: user.map { user in all.elements.count { $0.userID == user } })
    }

    func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try await base.usage(of: cell)
    }

    func version() async throws(CellError) -> DirectoryVersion {
        fault == .staysAtOneVersion ? DirectoryVersion(1) : try await base.version()
    }

    func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
        var cell = cell
        if fault == .roundsTimes, let time = cell.createdAt {
            cell.createdAt = MappingTimestamp(
                microsecondsSinceEpoch: (time.microsecondsSinceEpoch + 500_000) / 1_000_000 * 1_000_000)
        }
        if fault == .overwritesCells { try? await base.deleteCell(cell.id, force: true) }
        if fault == .createsTwice, let old = try? await base.cell(cell.id) { return old }
        do {
            return try await base.createCell(cell)
        } catch {
            throw fault == .leaksSecrets
                ? CellError(error.code, "The name \(cell.transportURL?.reveal().filter(\.isLetter) ?? "-") is bad.")
                : error
        }
    }

    func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        var change = change
        if fault == .losesUpdates { change.databaseConnection = nil }
        // Says nothing, and does nothing.
        if fault == .disablesCell0, id.isCell0 { change.isDisabled = nil }
        return try await base.updateCell(id, change)
    }

    func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        if fault == .deletesUsedCells { return try await base.deleteCell(id, force: true) }
        try await base.deleteCell(id, force: force)
    }

    func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        if fault == .writesInParts {
            var result = MappingResult()
            for mapping in mappings {
                let part = try await base.mapInstances([mapping])
                result.added += part.added
                result.changed += part.changed
                result.unchanged += part.unchanged
            }
            return result
        }
        var result = try await base.mapInstances(mappings)
        if fault == .countsTwice { result.changed *= 2 }
        return result
    }

    func unmapInstances(_ uuids: [String]) async throws(CellError) -> Int {
        try await base.unmapInstances(fault == .unmapsTooLittle ? Array(uuids.prefix(100)) : uuids)
    }

    func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        var hosts = hosts
        if fault == .acceptsEmptyHosts { hosts.removeAll { $0.isEmpty } }
        if fault == .ignoresCase { hosts = hosts.map { $0.lowercased() } }
        return try await base.mapHosts(hosts, to: cell)
    }

    func deleteHost(_ host: String) async throws(CellError) {
        try await base.deleteHost(host)
    }
}

@Suite("The laws of directories can be broken", .timeLimit(.minutes(2)))
struct MutantDirectoryTests {
    private struct Harness: DirectoryHarness {
        let fault: MutantDirectory.Fault

        func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws {
            try await body(
                DirectoryWorld(
                    MutantDirectory(fault: fault),
                    claims: [
                        .keepsMicroseconds, .storesAllCharacters, .storesLongURLs, .noticesMappings, .keepsVersion,
                    ],
                    patience: .milliseconds(fault == .neverAnswers ? 30 : 10_000)))
        }
    }

    @Test("Each planted fault breaks a law", arguments: MutantDirectory.Fault.allCases)
    private func mutant(_ fault: MutantDirectory.Fault) async throws {
        for law in DirectoryLaws.all {
            do {
                try await law.check(Harness(fault: fault))
            } catch is LawViolation {
                return
            }
        }
        Issue.record("No law is broken.")
    }

    @Test("A capability that is claimed without what it takes is unproven")
    func unproven() async throws {
        struct Claims: DirectoryHarness {
            func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws {
                try await body(DirectoryWorld(InMemoryCellDirectory(), claims: [.shared]))
            }
        }
        var unproven = 0
        for law in DirectoryLaws.all(in: .versions) {
            if case .unproven = try await law.check(Claims()) { unproven += 1 }
        }
        #expect(unproven == 1)
    }
}
