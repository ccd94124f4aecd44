import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

extension JSONValue {
    init(_ text: String?) {
        self = text.map { .string($0) } ?? .null
    }

    init(_ count: Int) {
        self = .integer(Int64(count))
    }
}

extension CellMapping {
    /// The cell as every command prints it in JSON.
    func report(_ secrets: SecretOptions) -> JSONObject {
        var report = JSONObject()
        report["uuid"] = .string(id.description)
        report["name"] = JSONValue(name)
        report["transport_url"] = JSONValue(secrets.text(transportURL))
        report["database_connection"] = JSONValue(secrets.text(databaseConnection))
        report["disabled"] = .bool(isDisabled)
        report["created_at"] = JSONValue(createdAt?.description)
        report["updated_at"] = JSONValue(updatedAt?.description)
        return report
    }
}

extension InstanceMapping {
    var report: JSONObject {
        var report = JSONObject()
        report["instance"] = .string(instanceUUID)
        report["cell"] = JSONValue(cell?.description)
        switch placement {
        case .cell: report["state"] = "mapped"
        case .notScheduled: report["state"] = "not scheduled"
        case .missingCell: report["state"] = "cell missing"
        }
        report["project"] = .string(projectID)
        report["user"] = JSONValue(userID)
        report["queued_for_delete"] = .bool(isQueuedForDelete)
        report["created_at"] = JSONValue(createdAt?.description)
        report["updated_at"] = JSONValue(updatedAt?.description)
        return report
    }
}

extension MappingResult {
    var report: JSONObject {
        var report = JSONObject()
        report["added"] = JSONValue(added)
        report["changed"] = JSONValue(changed)
        report["unchanged"] = JSONValue(unchanged)
        return report
    }

    static func + (left: MappingResult, right: MappingResult) -> MappingResult {
        MappingResult(
            added: left.added + right.added, changed: left.changed + right.changed,
            unchanged: left.unchanged + right.unchanged)
    }

    /// "3 new, 1 moved, 2 as before".
    var summary: String {
        "\(added) new, \(changed) changed, \(unchanged) as before"
    }
}

extension StandardOutput {
    /// A line of JSON.
    static func json(_ value: JSONValue) throws(OutputFailure) {
        try line("\(value)")
    }
}

/// Says that something was sent; what it is called is repeated without passwords.
func reportSent(_ what: String, _ output: OutputOptions) throws(OutputFailure) {
    if output.json { return try StandardOutput.json(["sent": true]) }
    try StandardOutput.line("Sent \(ArgumentEcho.own.cleaned(what)).")
}

/// Prints the elements of a JSON array while they come, so that memory does not grow with their number.
struct JSONArrayPrinter {
    private var isFirst = true

    init() throws(OutputFailure) {
        try StandardOutput.write("[")
    }

    mutating func add(_ object: JSONObject) throws(OutputFailure) {
        try StandardOutput.write("\(isFirst ? "" : ",")\n\(JSONValue.object(object))")
        isFirst = false
    }

    func finish() throws(OutputFailure) {
        try StandardOutput.write(isFirst ? "]\n" : "\n]\n")
    }
}
