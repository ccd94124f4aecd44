#if MariaDB
    internal import CMariaDB
    internal import SwitchboardCells
    internal import SwitchboardCore
    package import SwitchboardSQL

    // Unchecked, and sound: a worker keeps its connection to itself until it hands it to a guest's seat and forgets it; the seat
    // lends it to one guest at a time. The library binds a connection to no thread.
    /// One connection. It belongs to one thread at a time, which may hand it to another one.
    package final class MariaDBConnection: SQLConnection, @unchecked Sendable {
        /// What is set when a connection is made, according to what it is for.
        struct Session: Sendable {
            enum Purpose: Sendable { case lookups, scans, writes }

            var purpose: Purpose
            /// The time of the calls that it is for. The server gives up as well, as far as it can.
            var timeout: Duration
            var connectTimeout: Duration
            var waitsForCluster: Bool
        }

        private let handle: UnsafeMutablePointer<MYSQL>
        private var statements: [String: MariaDBStatement] = [:]
        private let socket: SocketSwitch
        private let isForWriting: Bool

        /// There are about forty, and as many more as listings have filters.
        private static let mostStatements = 128

        package var dialect: SQLDialect { .mariaDB }

        /// Whether the server is MariaDB, and not MySQL.
        let isMariaDB: Bool

        /// Connects.
        init(_ address: MariaDBAddress, _ session: Session, socket: SocketSwitch) throws(MariaDBError) {
            _ = Self.library
            guard let handle = mysql_init(nil) else { throw MariaDBError(number: 2008, text: "out of memory") }
            self.handle = handle
            self.socket = socket
            isForWriting = session.purpose == .writes
            Self.setOptions(of: handle, address, session)
            let connected = mysql_real_connect(
                handle, address.unixSocket == nil ? address.host : "localhost", address.username,
                address.password?.reveal(), address.database,
                UInt32(address.port), address.unixSocket, UInt(CLIENT_FOUND_ROWS))
            guard connected != nil else {
                let error = Self.error(of: handle)
                mysql_close(handle)
                throw error
            }
            isMariaDB = mariadb_connection(handle) != 0
            // Without a name to verify, the library goes on in the clear when a server says that it has no TLS.
            guard address.tls == nil || mysql_get_ssl_cipher(handle) != nil else {
                throw MariaDBError(number: 2026, text: "the server has no TLS")
            }
            socket.set(CInt(truncatingIfNeeded: mysql_get_socket(handle)))
            try prepare(session)
        }

        deinit {
            socket.clear()
            mysql_close(handle)
        }

        /// Its initialisation is once for a process, and not safe among threads.
        private static let library: Bool = mysql_server_init(0, nil, nil) == 0

        private static func setOptions(
            of handle: UnsafeMutablePointer<MYSQL>, _ address: MariaDBAddress, _ session: Session
        ) {
            func set(_ option: mysql_option, _ number: Int) {
                var value = UInt32(clamping: number)
                mysql_options(handle, option, &value)
            }
            func set(_ option: mysql_option, _ text: String?) {
                if let text { mysql_options(handle, option, text) }
            }
            func set(_ option: mysql_option, _ flag: Bool) {
                var value: my_bool = flag ? 1 : 0
                mysql_options(handle, option, &value)
            }
            let connectTimeout = address.connectTimeout ?? session.connectTimeout
            set(MYSQL_OPT_CONNECT_TIMEOUT, connectTimeout.wholeSeconds)
            set(MYSQL_OPT_READ_TIMEOUT, min(address.readTimeout ?? session.timeout, session.timeout).wholeSeconds)
            set(MYSQL_OPT_WRITE_TIMEOUT, min(address.writeTimeout ?? session.timeout, session.timeout).wholeSeconds)
            // "localhost" would be the socket otherwise, which Python's drivers don't take it for.
            let method = address.unixSocket == nil ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET
            set(MYSQL_OPT_PROTOCOL, Int(method.rawValue))
            set(MYSQL_SET_CHARSET_NAME, "utf8mb4")
            // A server could ask for any file of ours.
            set(MYSQL_OPT_LOCAL_INFILE, 0)
            set(MYSQL_OPT_RECONNECT, false)
            set(MYSQL_OPT_MAX_ALLOWED_PACKET, 64 << 20)
            // Not the ones that send the password as it is.
            set(
                MARIADB_OPT_RESTRICTED_AUTH,
                "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password,auth_gssapi_client,parsec")
            mysql_options4(handle, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "switchboard")
            guard let tls = address.tls else { return }
            set(MYSQL_OPT_SSL_ENFORCE, true)
            set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, tls.verification == .authorityAndHost)
            if tls.verification != .none {
                // With an authority given, the library checks the chain whatever the option before says.
                set(MYSQL_OPT_SSL_CA, tls.authority)
                set(MYSQL_OPT_SSL_CAPATH, tls.authorities)
            }
            set(MYSQL_OPT_SSL_CERT, tls.certificate)
            set(MYSQL_OPT_SSL_KEY, tls.key)
            set(MYSQL_OPT_SSL_CIPHER, tls.cipher)
        }

        /// Makes the session the same whatever the server's settings are.
        private func prepare(_ session: Session) throws(MariaDBError) {
            let seconds = session.timeout.wholeSeconds
            var settings = [
                "autocommit = 1", "sql_mode = 'TRADITIONAL'", "time_zone = '+00:00'",
                // A transaction that waits for another one is repeated; so it waits for less long than the caller.
                "innodb_lock_wait_timeout = \(max(1, min(50, seconds / 3)))",
            ]
            if session.purpose != .writes {
                settings.append(
                    isMariaDB ? "max_statement_time = \(seconds)" : "max_execution_time = \(seconds * 1000)")
            }
            if session.waitsForCluster { settings.append("wsrep_sync_wait = 1") }
            try command("SET SESSION " + settings.map { "\($0)" }.joined(separator: ", "))
            switch session.purpose {
            case .lookups:
                try command("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            case .scans:
                try command("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            case .writes:
                // Without locks on the gaps between rows, which writers of different rows would wait for. A binary log of
                // statements rules that out.
                let answer = try? rows("SELECT @@log_bin AND @@binlog_format = 'STATEMENT'", []).first?.flag(0)
                let level = answer == true ? "REPEATABLE READ" : "READ COMMITTED"
                try command("SET SESSION TRANSACTION ISOLATION LEVEL \(level)")
            }
        }

        package func rows(_ sql: String, _ arguments: [SQLValue]) throws(MariaDBError) -> [MariaDBRow] {
            do throws(MariaDBError) {
                return try statement(sql).rows(arguments)
            } catch {
                // Compared with a character that the column can't have, which is no error to somebody who looks it up.
                guard error.isMixOfCollations, !isForWriting else { throw error }
                return try statement(sql).rows(arguments.map(\.withoutSupplementaryCharacters))
            }
        }

        @discardableResult
        package func execute(_ sql: String, _ arguments: [SQLValue]) throws(MariaDBError) -> Int {
            try statement(sql).change(arguments)
        }

        /// Runs a statement that takes and gives nothing.
        func command(_ sql: String) throws(MariaDBError) {
            guard mysql_real_query(handle, sql, UInt(sql.utf8.count)) == 0 else { throw Self.error(of: handle) }
            if let result = mysql_store_result(handle) { mysql_free_result(result) }
        }

        private func statement(_ sql: String) throws(MariaDBError) -> MariaDBStatement {
            if let statement = statements[sql] { return statement }
            if statements.count >= Self.mostStatements { statements.removeAll() }
            let statement = try MariaDBStatement(sql, on: handle)
            statements[sql] = statement
            return statement
        }

        private static func error(of handle: UnsafeMutablePointer<MYSQL>) -> MariaDBError {
            MariaDBError(
                number: Int(mysql_errno(handle)),
                text: mysql_error(handle).map { String(cString: $0) } ?? "no reason given")
        }
    }

    extension SQLValue {
        /// With U+FFFF, which is no character and so in no text, for each character of four bytes in UTF-8.
        fileprivate var withoutSupplementaryCharacters: SQLValue {
            guard case .text(let text) = self else { return self }
            var scalars = String.UnicodeScalarView()
            for scalar in text.unicodeScalars { scalars.append(scalar.value > 0xFFFF ? "\u{FFFF}" : scalar) }
            return .text(String(scalars))
        }
    }

    extension Duration {
        /// Seconds, rounded up, at least one.
        var wholeSeconds: Int {
            let (seconds, fraction) = components
            return Int(clamping: max(1, fraction > 0 ? seconds + 1 : seconds))
        }
    }
#endif
