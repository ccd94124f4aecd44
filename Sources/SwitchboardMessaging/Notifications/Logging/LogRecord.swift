import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A log record as a notification carries it, with the twelve keys of a Python record (oslo-wire.md §7.3).
struct LogRecord: Sendable {
    let priority: NotificationPriority
    let payload: JSONValue
    let timestamp = WireTimestamp.now()

    static let eventType = "logrecord"

    init(_ event: LogEvent, label: String, metadata: Logger.Metadata) {
        let (number, name) = Self.pythonLevel(event.level)
        var extra = JSONObject()
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            extra.append(key: key, value: JSONValue(value))
        }
        priority = NotificationPriority(event.level)
        payload = [
            "name": .string(label),
            "levelno": .integer(number),
            "levelname": .string(name),
            "exc_info": event.error.map { .string("\($0)") } ?? .null,
            "pathname": .string(event.file),
            "lineno": .integer(Int64(clamping: event.line)),
            "msg": .string("\(event.message)"),
            "funcName": .string(event.function),
            "thread": .integer(Self.thread),
            "processName": .string(Self.processName),
            "process": .integer(Int64(getpid())),
            "extra": extra.isEmpty ? .null : .object(extra),
        ]
    }

    /// The number and name of a level in Python, where `trace` and `notice` are between those that there are.
    private static func pythonLevel(_ level: Logger.Level) -> (Int64, String) {
        switch level {
        case .trace: (5, "TRACE")
        case .debug: (10, "DEBUG")
        case .info: (20, "INFO")
        case .notice: (25, "NOTICE")
        case .warning: (30, "WARNING")
        case .error: (40, "ERROR")
        case .critical: (50, "CRITICAL")
        }
    }

    private static var thread: Int64 {
        #if canImport(Darwin)
            var id: UInt64 = 0
            pthread_threadid_np(nil, &id)
            return Int64(bitPattern: id)
        #else
            return Int64(bitPattern: UInt64(pthread_self()))
        #endif
    }

    private static let processName: String = {
        let path = CommandLine.arguments.first ?? ""
        return path.split(separator: "/").last.map(String.init) ?? ""
    }()
}

extension NotificationPriority {
    fileprivate init(_ level: Logger.Level) {
        self =
            switch level {
            case .trace, .debug: .debug
            case .info, .notice: .info
            case .warning: .warn
            case .error: .error
            case .critical: .critical
            }
    }
}

extension JSONValue {
    fileprivate init(_ value: Logger.Metadata.Value) {
        self =
            switch value {
            case .string(let text): .string(text)
            case .stringConvertible(let value): .string(value.description)
            case .array(let values): .array(values.map { JSONValue($0) })
            case .dictionary(let values):
                .object(
                    values.sorted { $0.key < $1.key }.reduce(into: JSONObject()) {
                        $0.append(key: $1.key, value: JSONValue($1.value))
                    })
            }
    }
}
