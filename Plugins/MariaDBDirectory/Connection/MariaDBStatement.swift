#if MariaDB
    internal import CMariaDB
    internal import SwitchboardSQL

    /// A prepared statement of one connection, with the buffers that the client library reads and writes.
    final class MariaDBStatement {
        private let handle: UnsafeMutablePointer<MYSQL_STMT>
        private let connection: UnsafeMutablePointer<MYSQL>
        private let parameters: BoundParameters
        private var columns: BoundColumns?

        /// Prepares a statement.
        init(_ sql: String, on connection: UnsafeMutablePointer<MYSQL>) throws(MariaDBError) {
            guard let handle = mysql_stmt_init(connection) else {
                throw MariaDBError(number: 2008, text: "out of memory")
            }
            let length = sql.utf8.count
            guard mysql_stmt_prepare(handle, sql, UInt(length)) == 0 else {
                let error = Self.error(of: handle, connection)
                mysql_stmt_close(handle)
                throw error
            }
            self.handle = handle
            self.connection = connection
            parameters = BoundParameters(count: Int(mysql_stmt_param_count(handle)))
            if let metadata = mysql_stmt_result_metadata(handle) {
                columns = BoundColumns(metadata)
                mysql_free_result(metadata)
            }
        }

        deinit {
            mysql_stmt_close(handle)
        }

        /// Runs the statement and reads all of its rows.
        func rows(_ arguments: [SQLValue]) throws(MariaDBError) -> [MariaDBRow] {
            try execute(arguments)
            guard let columns else { return [] }
            defer { mysql_stmt_free_result(handle) }
            guard mysql_stmt_bind_result(handle, columns.binds) == 0 else { throw Self.error(of: handle, connection) }
            var rows: [MariaDBRow] = []
            while true {
                switch mysql_stmt_fetch(handle) {
                case 0, MYSQL_DATA_TRUNCATED:
                    rows.append(MariaDBRow(values: try columns.values(of: handle, connection)))
                case MYSQL_NO_DATA: return rows
                default: throw Self.error(of: handle, connection)
                }
            }
        }

        /// Runs the statement, and returns how many rows it matched.
        func change(_ arguments: [SQLValue]) throws(MariaDBError) -> Int {
            try execute(arguments)
            defer { if columns != nil { mysql_stmt_free_result(handle) } }
            return Int(clamping: mysql_stmt_affected_rows(handle))
        }

        private func execute(_ arguments: [SQLValue]) throws(MariaDBError) {
            precondition(
                arguments.count == parameters.count,
                "A statement takes \(parameters.count) arguments, not \(arguments.count).")
            if parameters.count > 0 {
                parameters.set(arguments)
                guard mysql_stmt_bind_param(handle, parameters.binds) == 0 else {
                    throw Self.error(of: handle, connection)
                }
            }
            guard mysql_stmt_execute(handle) == 0 else { throw Self.error(of: handle, connection) }
        }

        /// What went wrong last. Of a row that doesn't come the library tells the connection, not the statement.
        static func error(
            of handle: UnsafeMutablePointer<MYSQL_STMT>, _ connection: UnsafeMutablePointer<MYSQL>
        ) -> MariaDBError {
            let number = mysql_stmt_errno(handle)
            if number != 0 {
                return MariaDBError(
                    number: Int(number), text: mysql_stmt_error(handle).map { String(cString: $0) } ?? "no reason given"
                )
            }
            return MariaDBError(
                number: Int(mysql_errno(connection)),
                text: mysql_error(connection).map { String(cString: $0) } ?? "no reason given")
        }
    }

    /// What stands for a statement's question marks.
    private final class BoundParameters {
        let count: Int
        let binds: UnsafeMutablePointer<MYSQL_BIND>
        private let lengths: UnsafeMutablePointer<UInt>
        private var memory: UnsafeMutableRawBufferPointer

        init(count: Int) {
            self.count = count
            binds = .allocate(capacity: max(1, count))
            binds.initialize(repeating: MYSQL_BIND(), count: max(1, count))
            lengths = .allocate(capacity: max(1, count))
            lengths.initialize(repeating: 0, count: max(1, count))
            memory = .allocate(byteCount: 256, alignment: 8)
        }

        deinit {
            binds.deallocate()
            lengths.deallocate()
            memory.deallocate()
        }

        /// Copies the values to where the library reads them.
        func set(_ arguments: [SQLValue]) {
            let size = arguments.reduce(0) { $0 + Self.size(of: $1) }
            if size > memory.count {
                memory.deallocate()
                memory = .allocate(byteCount: size, alignment: 8)
            }
            guard let base = memory.baseAddress else { return }
            var offset = 0
            for (index, argument) in arguments.enumerated() {
                var bind = MYSQL_BIND()
                let place = base + offset
                bind.buffer = place
                bind.length = lengths + index
                switch argument {
                case .null:
                    bind.buffer_type = MYSQL_TYPE_NULL
                case .integer(let number):
                    bind.buffer_type = MYSQL_TYPE_LONGLONG
                    place.storeBytes(of: number, as: Int64.self)
                case .real(let number):
                    bind.buffer_type = MYSQL_TYPE_DOUBLE
                    place.storeBytes(of: number, as: Double.self)
                case .text(var text):
                    bind.buffer_type = MYSQL_TYPE_STRING
                    lengths[index] = UInt(text.utf8.count)
                    text.withUTF8 { bytes in
                        if let start = bytes.baseAddress { place.copyMemory(from: start, byteCount: bytes.count) }
                    }
                case .bytes(let bytes):
                    bind.buffer_type = MYSQL_TYPE_BLOB
                    lengths[index] = UInt(bytes.count)
                    bytes.withUnsafeBytes { bytes in
                        if let start = bytes.baseAddress { place.copyMemory(from: start, byteCount: bytes.count) }
                    }
                }
                bind.buffer_length = lengths[index]
                binds[index] = bind
                offset += Self.size(of: argument)
            }
        }

        /// How many bytes a value takes, so that the next one begins at a multiple of 8.
        private static func size(of value: SQLValue) -> Int {
            switch value {
            case .null: 0
            case .integer, .real: 8
            case .text(let text): (text.utf8.count + 7) & ~7
            case .bytes(let bytes): (bytes.count + 7) & ~7
            }
        }
    }

    /// Where a statement's results arrive.
    private final class BoundColumns {
        private enum Kind { case integer, unsignedInteger, real, text, bytes }

        let binds: UnsafeMutablePointer<MYSQL_BIND>
        private let kinds: [Kind]
        private let lengths: UnsafeMutablePointer<UInt>
        private let nulls: UnsafeMutablePointer<my_bool>
        private let errors: UnsafeMutablePointer<my_bool>
        private let memory: UnsafeMutableRawPointer
        private let offsets: [Int]

        /// What is longer is fetched once more: most URLs are not.
        private static let longest = 1024

        init(_ metadata: UnsafeMutablePointer<MYSQL_RES>) {
            let count = Int(mysql_num_fields(metadata))
            var kinds: [Kind] = []
            var sizes: [Int] = []
            for index in 0..<count {
                guard let field = mysql_fetch_field_direct(metadata, UInt32(index))?.pointee else { continue }
                let kind = Self.kind(of: field)
                kinds.append(kind)
                switch kind {
                case .integer, .unsignedInteger, .real: sizes.append(8)
                case .text, .bytes: sizes.append((min(Int(clamping: field.length), Self.longest) + 15) & ~7)
                }
            }
            self.kinds = kinds
            offsets = sizes.indices.map { sizes[..<$0].reduce(0, +) }
            memory = .allocate(byteCount: max(8, sizes.reduce(0, +)), alignment: 8)
            let places = max(1, kinds.count)
            binds = .allocate(capacity: places)
            binds.initialize(repeating: MYSQL_BIND(), count: places)
            lengths = .allocate(capacity: places)
            lengths.initialize(repeating: 0, count: places)
            nulls = .allocate(capacity: places)
            nulls.initialize(repeating: 0, count: places)
            errors = .allocate(capacity: places)
            errors.initialize(repeating: 0, count: places)
            for index in kinds.indices {
                var bind = MYSQL_BIND()
                switch kinds[index] {
                case .integer, .unsignedInteger: bind.buffer_type = MYSQL_TYPE_LONGLONG
                case .real: bind.buffer_type = MYSQL_TYPE_DOUBLE
                case .text: bind.buffer_type = MYSQL_TYPE_STRING
                case .bytes: bind.buffer_type = MYSQL_TYPE_BLOB
                }
                bind.is_unsigned = kinds[index] == .unsignedInteger ? 1 : 0
                bind.buffer = memory + offsets[index]
                bind.buffer_length = UInt(sizes[index])
                bind.length = lengths + index
                bind.is_null = nulls + index
                bind.error = errors + index
                binds[index] = bind
            }
        }

        deinit {
            binds.deallocate()
            lengths.deallocate()
            nulls.deallocate()
            errors.deallocate()
            memory.deallocate()
        }

        private static func kind(of field: MYSQL_FIELD) -> Kind {
            switch field.type {
            case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_LONG, MYSQL_TYPE_INT24, MYSQL_TYPE_LONGLONG,
                MYSQL_TYPE_YEAR:
                return field.flags & UInt32(UNSIGNED_FLAG) == 0 ? .integer : .unsignedInteger
            case MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE: return .real
            case MYSQL_TYPE_BIT, MYSQL_TYPE_GEOMETRY: return .bytes
            case MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BLOB,
                MYSQL_TYPE_VARCHAR,
                MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_STRING:
                // 63: bytes without a character set.
                return field.charsetnr == 63 ? .bytes : .text
            default: return .text
            }
        }

        /// The values of the row that was fetched last.
        func values(
            of handle: UnsafeMutablePointer<MYSQL_STMT>, _ connection: UnsafeMutablePointer<MYSQL>
        ) throws(MariaDBError) -> [SQLValue] {
            var values: [SQLValue] = []
            values.reserveCapacity(kinds.count)
            for index in kinds.indices {
                values.append(nulls[index] != 0 ? .null : try value(index, of: handle, connection))
            }
            return values
        }

        private func value(
            _ index: Int, of handle: UnsafeMutablePointer<MYSQL_STMT>, _ connection: UnsafeMutablePointer<MYSQL>
        ) throws(MariaDBError) -> SQLValue {
            let place = memory + offsets[index]
            switch kinds[index] {
            case .integer: return .integer(place.load(as: Int64.self))
            case .unsignedInteger:
                let number = place.load(as: UInt64.self)
                return Int64(exactly: number).map(SQLValue.integer) ?? .text(String(number))
            case .real: return .real(place.load(as: Double.self))
            case .text, .bytes:
                let length = Int(clamping: lengths[index])
                if length <= Int(binds[index].buffer_length) {
                    return Self.value(UnsafeRawBufferPointer(start: place, count: length), kinds[index])
                }
                return try longValue(index, length: length, of: handle, connection)
            }
        }

        private func longValue(
            _ index: Int, length: Int, of handle: UnsafeMutablePointer<MYSQL_STMT>,
            _ connection: UnsafeMutablePointer<MYSQL>
        ) throws(MariaDBError) -> SQLValue {
            let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 8)
            defer { whole.deallocate() }
            var got: UInt = 0
            let result = withUnsafeMutablePointer(to: &got) { got in
                var bind = MYSQL_BIND()
                bind.buffer_type = binds[index].buffer_type
                bind.buffer = whole.baseAddress
                bind.buffer_length = UInt(length)
                bind.length = got
                return mysql_stmt_fetch_column(handle, &bind, UInt32(index), 0)
            }
            guard result == 0 else { throw MariaDBStatement.error(of: handle, connection) }
            return Self.value(
                UnsafeRawBufferPointer(rebasing: whole.prefix(min(length, Int(clamping: got)))), kinds[index])
        }

        private static func value(_ bytes: UnsafeRawBufferPointer, _ kind: Kind) -> SQLValue {
            kind == .bytes ? .bytes(Array(bytes)) : .text(String(decoding: bytes, as: UTF8.self))
        }
    }
#endif
