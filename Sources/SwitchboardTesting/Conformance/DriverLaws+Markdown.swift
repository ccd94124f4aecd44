extension DriverLaw.Group {
    /// What the laws of the group are about, as a heading.
    public var title: String {
        switch self {
        case .delivery: "Delivery"
        case .addresses: "Addresses"
        case .settlement: "Settlement"
        case .attempts: "Attempts"
        case .flow: "Flow"
        case .lifetime: "Lifetime"
        case .deadlines: "Deadlines"
        case .routing: "Routing"
        case .bounds: "Bounds"
        case .reconnecting: "Lost connections"
        case .restarting: "Restarts of the queue's server"
        case .processes: "Other processes"
        case .claims: "Claims"
        case .calls: "RPC: calls"
        case .casts: "RPC: casts and fanouts"
        case .patience: "RPC: deadlines, keepalives, cancellation"
        case .failures: "RPC: errors and missing listeners"
        case .serving: "RPC: duplicates, bad requests, shutdown"
        case .outages: "RPC: lost connections"
        case .notifications: "Notifications"
        }
    }
}

extension DriverLaws {
    /// All laws as a list in Markdown, by groups, each with the capabilities that it proves.
    public static var markdown: String {
        var text = ""
        for group in DriverLaw.Group.allCases {
            text += (text.isEmpty ? "" : "\n") + "### \(group.title)\n\n"
            for law in all(in: group) {
                text += "- \(law.name)."
                if !law.capabilities.isEmpty {
                    text += " (" + law.capabilities.names.map { "`\($0)`" }.joined(separator: ", ") + ")"
                }
                text += "\n"
            }
        }
        return text
    }
}
