#if MariaDB
    internal import SwitchboardCells

    /// What the server's numbers mean to somebody who uses a directory.
    extension MariaDBServer {
        private var name: String { "The database \(address)" }

        func error(_ error: MariaDBError, _ session: MariaDBConnection.Session) -> CellError {
            switch error.number {
            case 1045, 1698, 1251, 2049, 2059, 2061, 5010: return login(error)
            case 1044, 1049:
                return CellError(
                    .directoryUnavailable,
                    "\(name) doesn't exist, or the user \(user) may not use it (\(error.number): \(error.text)). "
                        + "Create it, or grant the user rights on it.")
            case 1130:
                return CellError(
                    .directoryUnavailable,
                    "\(name) doesn't let this machine in (1130: \(error.text)). Create the user for this host.")
            case 1142, 1143, 1227:
                let isWrite = session.purpose == .writes && !error.text.hasPrefix("SELECT")
                return CellError(
                    isWrite ? .directoryReadOnly : .directoryUnavailable,
                    "The user \(user) lacks a right on \(lower(name)) (\(error.number): \(error.text)). Grant it.")
            case 1146, 1054, 1932:
                return CellError(
                    .directoryInvalid,
                    "\(name) lacks a table or column (\(error.number): \(error.text)). Give the URL of Nova's API database, or "
                        + "of the cell's.")
            case 1406, 1366, 1292, 1264, 1048, 1265, 3854, 3988, 1267, 1270, 1271:
                return CellError(.invalidValue, "\(name) can't store the \(column(of: error)): \(misfit(error)).")
            case 1062:
                return CellError(.alreadyExists, "\(name) has a row with that identifier already (\(key(of: error))).")
            case 1451:
                let code: CellError.Code = error.text.contains("instance_mappings") ? .instancesMapped : .hostsMapped
                return CellError(
                    code, "Something in \(lower(name)) refers to it (\(table(of: error))). Delete that first.")
            case 1452:
                return CellError(
                    .unknownCell, "The cell was deleted from \(lower(name)) while a mapping to it was written.")
            case 1205 where session.waitsForCluster:
                return unavailable(
                    "\(name) waited in vain for another transaction, or for the other nodes of its cluster (1205: \(error.text)); try "
                        + "again")
            case 1213, 1205, 1020:
                return unavailable(
                    "\(name) gave way to other transactions again and again (\(error.number)); try again")
            case 1290, 1792, 1836:
                return unavailable("\(name) is read-only at the moment (\(error.number): \(error.text)); try again")
            case 1040, 1041, 1203, 1226:
                return unavailable("\(name) has no connection left (\(error.number): \(error.text)); try again later")
            case 1047:
                return unavailable(
                    "\(name) is on a node that isn't part of its cluster now (1047: \(error.text)); try again")
            case 1317, 1969, 3024:
                return unavailable("A statement on \(lower(name)) was interrupted (\(error.number): \(error.text))")
            case 1665:
                return CellError(.directoryReadOnly, "\(name) can't be written: \(error.text)")
            case 2026:
                return unavailable(
                    "\(name) can't be reached by TLS (\(error.text)). Check ssl_ca, and that the certificate is for this host"
                )
            default:
                return unavailable("\(name) can't be used (\(error.number): \(error.text))")
            }
        }

        /// The time of a call is over.
        func timeout(of session: MariaDBConnection.Session, _ phase: ExpiredPhase, busy: Int) -> CellError {
            switch phase {
            case .waiting:
                unavailable(
                    "\(name) had no connection free within \(session.timeout): \(busy) of them wait for the server")
            case .running:
                unavailable("\(name) didn't answer within \(session.timeout)")
            case .committing:
                unknownFate(nil)
            }
        }

        /// A commit without an answer.
        func unknownFate(_ error: MariaDBError?) -> CellError {
            CellError(
                .indeterminate,
                "\(name) didn't confirm the change: it may have taken effect or not. Look, and repeat it if it has not"
                    + (error.map { " (\($0.number): \($0.text))." } ?? "."))
        }

        private func unavailable(_ sentence: String) -> CellError {
            CellError(.directoryUnavailable, sentence.hasSuffix(".") ? sentence : sentence + ".")
        }

        private func login(_ error: MariaDBError) -> CellError {
            CellError(
                .directoryUnavailable,
                "\(name) refuses the login of \(user) (\(error.number): \(error.text)). Check the user's name and password."
            )
        }

        private var user: String { address.username ?? "of this process" }

        private func lower(_ sentence: String) -> String { "t" + sentence.dropFirst() }

        // MARK: - What may be told of the server's sentence

        /// `Data too long for column 'transport_url' at row 1` and its kind. Not the value, which they may quote: there are
        /// passwords in URLs.
        private func column(of error: MariaDBError) -> String {
            let behind = error.text.ranges(of: "column ").last.map { error.text[$0.upperBound...] } ?? Substring()
            let names = behind.prefix { $0 != " " }.split { "`'.".contains($0) }
            return names.last.map { String($0.replacing("_", with: " ")) } ?? "value"
        }

        private func misfit(_ error: MariaDBError) -> String {
            switch error.number {
            case 1406: "it is too long"
            case 1366, 3854, 3988, 1267, 1270, 1271:
                "it has a character that the column's character set lacks, as emojis do in Nova's tables"
            case 1292, 1264, 1265: "it is out of the column's range"
            default: "it is missing"
            }
        }

        /// `Duplicate entry 'x' for key 'y'`: the key alone.
        private func key(of error: MariaDBError) -> String {
            error.text.ranges(of: "for key ").last.map { String(error.text[$0.upperBound...].filter { $0 != "'" }) }
                ?? "1062"
        }

        private func table(of error: MariaDBError) -> String {
            let behind = error.text.ranges(of: "fails (").last.map { error.text[$0.upperBound...] } ?? Substring()
            return behind.prefix { $0 != "," }.filter { $0 != "`" }
        }
    }
#endif
