import Logging

/// A log handler for one request or notification. Its names become metadata when something is logged: mostly nothing is, and
/// many handlers format their metadata whenever it is set.
struct LateMetadataHandler: LogHandler {
    private var base: any LogHandler
    /// In the metadata of `base` since that was changed.
    private var first: Name?
    private var second: Name?

    struct Name {
        let key: String
        let value: String
    }

    init(_ base: any LogHandler, _ first: Name, _ second: Name?) {
        (self.base, self.first, self.second) = (base, first, second)
    }

    func log(event: LogEvent) {
        var event = event
        event.metadata = names.merging(event.metadata ?? [:]) { _, own in own }
        base.log(event: event)
    }

    private var names: Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        for name in [first, second] {
            if let name { metadata[name.key] = .string(name.value) }
        }
        return metadata
    }

    /// From now on they are as any other metadata.
    private mutating func setNames() {
        for (key, value) in names { base[metadataKey: key] = value }
        (first, second) = (nil, nil)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { names[key] ?? base[metadataKey: key] }
        set {
            setNames()
            base[metadataKey: key] = newValue
        }
    }

    var metadata: Logger.Metadata {
        get { base.metadata.merging(names) { _, name in name } }
        set {
            (first, second) = (nil, nil)
            base.metadata = newValue
        }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }
}

extension Logger {
    /// The same logger with names of one request or notification.
    func named(_ first: LateMetadataHandler.Name, _ second: LateMetadataHandler.Name?) -> Logger {
        Logger(label: label) { _ in LateMetadataHandler(handler, first, second) }
    }
}
