import Foundation
import Logging
import StandardStreams

/// Writes what the library logs to standard error, a line each, as ``complain(_:)`` writes.
struct CommandLogHandler: LogHandler {
    let label: String
    var logLevel = Logger.Level.critical
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String) {
        self.label = label
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var metadata = metadata
        if let provided = metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let own = event.metadata { metadata.merge(own) { $1 } }
        if let error = event.error { metadata["error"] = "\(error)" }
        let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let time = Date.now.formatted(.iso8601)
        complain("\(time) \(event.level): \(event.message)\(pairs.isEmpty ? "" : " (\(pairs))")")
    }
}
