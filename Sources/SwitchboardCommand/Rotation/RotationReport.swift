import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// Tells how a rotation goes: for people line by line, as JSON at its end.
final class RotationReport {
    private let rotation: CellRotation
    private let asJSON: Bool
    private var proof: CheckReport?

    init(rotation: CellRotation, asJSON: Bool) {
        self.rotation = rotation
        self.asJSON = asJSON
    }

    /// A sentence for people.
    func line(_ text: String) throws(OutputFailure) {
        guard !asJSON else { return }
        try StandardOutput.line(ArgumentEcho.own.cleaned(Secret.masked(in: text)))
        try StandardOutput.flush()
    }

    func add(_ proof: CheckReport) throws(OutputFailure) {
        self.proof = proof
        for text in CheckText(report: proof).lines { try line(text) }
    }

    /// How many connections use the old credentials.
    func remaining(_ count: Int) throws(OutputFailure) {
        switch count {
        case 0: try line("No connection uses \(credentials); looking whether it stays so.")
        case 1: try line("1 connection uses \(credentials).")
        default: try line("\(count) connections use \(credentials).")
        }
    }

    /// `the old user nova`, or `the old password of nova`.
    private var credentials: String {
        let users = rotation.oldUsers.sorted().joined(separator: ", ")
        return rotation.keepsUser ? "the old password of \(users)" : "the old user \(users)"
    }

    /// The end: whether the old user can go.
    func end(isSwitched: Bool, _ use: OldUserUse? = nil, _ others: [CellMapping] = []) throws(OutputFailure) {
        if asJSON { return try StandardOutput.json(.object(json(isSwitched, use, others))) }
        guard let use else { return }
        for other in others { try line("The cell \(other.identity) still has \(credentials) in its URL.") }
        switch use {
        case .unused where others.isEmpty:
            try line(
                rotation.keepsUser
                    ? "Nobody uses \(credentials) any more."
                    : "Nobody uses \(credentials) any more: it can go ('rabbitmqctl delete_user NAME').")
        case .unused: try line("\(sentence) can't go yet: rotate these cells first.")
        case .unseen(let reason):
            try line("Whether anybody still uses \(credentials) can't be seen: \(reason).")
            try line("Keep \(credentials) until you know that every service has the new credentials.")
        case .used(let connections):
            var table = Table("USER", "PROGRAM", "PEER", "VIRTUAL HOST")
            for connection in connections {
                table.add(connection.user, connection.program, connection.peer, connection.virtualHost)
            }
            try table.print()
            try line(
                "\(sentence) can't go yet. Give these programs the new credentials and restart them; then run the command again with "
                    + "--old-username.")
        }
    }

    private var sentence: String { credentials.prefix(1).uppercased() + credentials.dropFirst() }

    private func json(_ isSwitched: Bool, _ use: OldUserUse?, _ others: [CellMapping]) -> JSONObject {
        var report = JSONObject()
        report["uuid"] = .string(rotation.cell.id.description)
        report["name"] = JSONValue(rotation.cell.name)
        report["old_users"] = .array(rotation.oldUsers.sorted().map { .string($0) })
        report["new_users"] = .array(rotation.new.usernames.sorted().map { .string($0) })
        report["proof"] = proof.map { CheckJSON(report: $0).value } ?? .null
        report["switched"] = .bool(isSwitched)
        guard let use else { return report }
        report["other_cells"] = .array(others.map { .string($0.id.description) })
        switch use {
        case .unused: report["old_can_go"] = .bool(others.isEmpty)
        case .unseen(let reason):
            report["old_can_go"] = .null
            report["reason"] = .string(reason)
        case .used(let connections):
            report["old_can_go"] = false
            report["connections"] = .array(
                connections.map { connection in
                    [
                        "user": .string(connection.user), "program": JSONValue(connection.program),
                        "peer": .string(connection.peer), "virtual_host": .string(connection.virtualHost),
                    ]
                })
        }
        return report
    }
}
