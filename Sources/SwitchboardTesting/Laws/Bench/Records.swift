import Logging
import SwitchboardCore

/// What was logged while a law was checked.
final class Records: Sendable {
    struct Entry: Sendable {
        var level: Logger.Level
        var message: String
    }

    private let state = Locked<[Entry]>([])

    var entries: [Entry] { state.withLock { $0 } }

    /// Writes here.
    var logger: Logger { Logger(label: "laws") { _ in Handler(records: self) } }

    private struct Handler: LogHandler {
        let records: Records
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            records.state.withLock { $0.append(Entry(level: event.level, message: "\(event.message)")) }
        }
    }
}
