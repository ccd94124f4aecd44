#if MariaDB
    /// What the server or the client library says of a statement or a connection.
    package struct MariaDBError: Error {
        /// The number that the server or the library has for it.
        let number: Int
        /// The sentence of the server or the library. It may quote what was to be stored.
        let text: String

        /// Whether the library found it: below 2000 and from 3000 on it is the server's.
        var isClients: Bool { (2000..<3000).contains(number) || (5000..<6000).contains(number) }

        /// Whether the connection is of no use any more, or leads to a server that isn't.
        var endsConnection: Bool {
            switch number {
            // Too many connections, not ready (Galera), shutting down, read or written too slowly, killed, idle for too long.
            case 1040, 1041, 1047, 1053, 1077, 1079, 1152, 1158...1161, 1184, 1927, 4031: true
            // Read-only: a proxy may lead to another server by now.
            case 1290, 1792, 1836: true
            // A prepared statement that the server doesn't know any more.
            case 1243, 1615: true
            default: isClients
            }
        }

        /// Whether the transaction may succeed when it is run again: the server gave way to another one, or another one
        /// was faster to add or remove a row.
        var repeatsTransaction: Bool { [1213, 1205, 1062, 1451, 1452, 1020].contains(number) }

        /// Whether the server answered a commit with it and took nothing over.
        var leavesCommitUndone: Bool {
            !isClients && ![1053, 1152, 1158, 1159, 1160, 1161, 1180, 1317, 1927, 1969, 3024, 4031].contains(number)
        }

        /// Whether text was compared that the column's character set lacks a character of.
        var isMixOfCollations: Bool { [1267, 1270, 1271, 3988].contains(number) }

        /// Whether a new attempt to connect may succeed without a change by an operator.
        var mayPass: Bool {
            ![1044, 1045, 1049, 1130, 1142, 1227, 1251, 1698, 2019, 2026, 2049, 2059, 2061, 5010].contains(number)
        }
    }
#endif
