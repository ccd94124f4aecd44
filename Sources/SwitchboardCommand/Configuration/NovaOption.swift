import OsloConfiguration

/// The options of Nova's databases, as oslo.db defines them.
enum NovaOption {
    static let table: [OsloOption] = ["database", "api_database"].flatMap { group in
        [
            connection(group), connectionParameters(group),
            OsloOption(group: group, name: "slave_connection", isSecret: true),
        ]
    }

    static func connection(_ group: String) -> OsloOption {
        OsloOption(group: group, name: "connection", isSecret: true)
    }

    static func connectionParameters(_ group: String) -> OsloOption {
        OsloOption(group: group, name: "connection_parameters", defaults: [""])
    }
}
