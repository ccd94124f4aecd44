import SwitchboardCells
import SwitchboardCore

/// A check of one queue, whose URL a cell's mapping or an option gives.
protocol QueueExaminer: Sendable {
    /// All steps from the URL on. `findings` are those of the steps before.
    func look(at url: TransportURL, _ findings: DoctorFindings) async -> [CheckResult]

    /// The findings, when nothing more can be looked at.
    func skippingAll(_ findings: DoctorFindings) -> [CheckResult]
}

/// What a check such as the doctor looks at: one queue, or every cell's. The mapping is the first step.
struct DoctorSubjects {
    let aim: AimOptions
    let doctor: any QueueExaminer

    private static let mostAtOnce = 8

    /// The queue that the options name.
    func one() async -> CheckReport.Subject {
        var findings = DoctorFindings()
        let cell: CellMapping?
        do {
            cell = try await aim.mapping()
        } catch {
            findings.add(Self.missingMapping(error))
            return CheckReport.Subject("the mapping", results: doctor.skippingAll(findings))
        }
        if let cell { return await look(at: cell) }
        let text: String
        do {
            guard let given = try url() else {
                findings.add(
                    .failed(
                        "url", "no queue was named",
                        .init(
                            "There is nothing to look at.",
                            do: "Give --cell, --all-cells, --instance, --in-cell-of-host or --transport-url, or set "
                                + "SWITCHBOARD_TRANSPORT_URL.")))
                return CheckReport.Subject("the queue", results: doctor.skippingAll(findings))
            }
            text = given
            let url = try TransportURL(text)
            return CheckReport.Subject("the queue", results: await doctor.look(at: url, findings))
        } catch {
            findings.add(Self.unusableURL("\(error)"))
            return CheckReport.Subject("the queue", results: doctor.skippingAll(findings))
        }
    }

    private func url() throws -> String? {
        if aim.transportURL == "-" { return try StandardInput.url() }
        return try aim.transportURL ?? aim.base.transportURL(.transportURL)
    }

    /// Every cell, in the directory's order; a few at a time.
    func all() async -> [CheckReport.Subject] {
        let listing: CellListing
        do {
            listing = try await aim.directory.open(forWriting: false).cells()
        } catch {
            var findings = DoctorFindings()
            findings.add(Self.missingMapping(error))
            return [CheckReport.Subject("the directory", results: doctor.skippingAll(findings))]
        }
        var subjects: [Int: CheckReport.Subject] = [:]
        await withTaskGroup(of: (Int, CheckReport.Subject).self) { group in
            for (index, cell) in listing.cells.enumerated() {
                if index >= Self.mostAtOnce, let (done, subject) = await group.next() { subjects[done] = subject }
                group.addTask { (index, await look(at: cell, isOneOfAll: true)) }
            }
            for await (index, subject) in group { subjects[index] = subject }
        }
        let defects = listing.defects.map { defect in
            CheckReport.Subject(
                "a row of the directory",
                results: [
                    .failed(
                        "mapping", defect.message,
                        .init("The directory holds a cell that can't be read.", do: "Mend the row, or delete it."))
                ])
        }
        return listing.cells.indices.compactMap { subjects[$0] } + defects
    }

    private func look(at cell: CellMapping, isOneOfAll: Bool = false) async -> CheckReport.Subject {
        var findings = DoctorFindings()
        let title = "cell \(cell.identity)"
        let labels = [CheckReport.Label("cell", cell.name ?? cell.id.description)]
        func subject(_ results: [CheckResult]) -> CheckReport.Subject {
            CheckReport.Subject(title, labels: labels, results: results)
        }
        if cell.isDisabled, !aim.includeDisabled {
            if isOneOfAll {
                return subject([.skipped("mapping", because: "the cell is disabled (--include-disabled)")])
            }
            findings.add(
                .failed(
                    "mapping", "the cell is disabled",
                    .init(
                        "No new instances are scheduled there, and requests to it are refused.",
                        do:
                            "Enable it with 'switchboard cell update --enable', or give --include-disabled to look at its queue "
                            + "all the same.")))
            return subject(doctor.skippingAll(findings))
        }
        do {
            switch try cell.queue(base: aim.base.urls) {
            case .none:
                if isOneOfAll, cell.isCell0 {
                    return subject([.skipped("mapping", because: "cell0 has no message queue, as it should be")])
                }
                findings.add(
                    .failed(
                        "mapping", "the cell has no message queue (none://)",
                        .init(
                            cell.isCell0
                                ? "Instances that could not be scheduled are in cell0; nothing runs there."
                                : "Nothing can be sent to this cell.",
                            do: cell.isCell0
                                ? "Look at another cell; 'switchboard cell list' shows them."
                                : "Give the cell a URL with 'switchboard cell update --transport-url'.")))
                return subject(doctor.skippingAll(findings))
            case .url(let url):
                findings.add(.ok("mapping", "\(url)"))
                return subject(await doctor.look(at: url, findings))
            }
        } catch {
            findings.add(.ok("mapping", "the cell is in the directory"))
            findings.add(Self.unusableURL(Self.sentence(of: error)))
            return subject(doctor.skippingAll(findings))
        }
    }

    private static func sentence(of error: any Error) -> String {
        (error as? CellError)?.message ?? (error as? Failure)?.message ?? "\(error)"
    }

    private static func unusableURL(_ reason: String) -> CheckResult {
        .failed(
            "url", reason,
            .init(
                "No program can connect with this URL.",
                do:
                    "Mend it: rabbit://user:password@host:5672/virtual_host, with special characters percent-encoded. A template "
                    + "takes its values from --base-transport-url or SWITCHBOARD_TRANSPORT_URL."))
    }

    private static func missingMapping(_ error: any Error) -> CheckResult {
        let message = (error as? CellError)?.message ?? (error as? Failure)?.message ?? "\(error)"
        let diagnosis: CheckResult.Diagnosis =
            switch (error as? CellError)?.code {
            case .unknownCell, .ambiguousName:
                .init(
                    "The directory has no such cell, so nothing can be sent there.",
                    do: "'switchboard cell list' shows the cells; 'switchboard cell create' adds one.")
            case .unknownInstance, .notScheduled, .unknownHost:
                .init(
                    "Without a mapping nobody knows the cell, so requests can't be sent.",
                    do: "Map it with 'switchboard instance map' or 'switchboard host map'.")
            default:
                .init("The directory can't be used.", do: "Look at --database, and whether the file can be read.")
            }
        return .failed("mapping", message, diagnosis)
    }
}
