/// Which records a tap tells.
struct TapFilter: Sendable {
    var topics: [GlobPattern] = []
    var methods: [GlobPattern] = []
    var servers: [GlobPattern] = []
    var requestIDs: [GlobPattern] = []
    var slowerThan: Duration?
    var failuresOnly = false

    func allows(_ record: TapRecord) -> Bool {
        guard topics.allow(record.kind == .reply ? nil : record.topic), methods.allow(record.method),
            servers.allow(record.server), requestIDs.allow(record.requestID)
        else { return false }
        if failuresOnly, !record.outcome.isFailure { return false }
        if let slowerThan {
            guard let duration = record.duration, duration > slowerThan else { return false }
        }
        return true
    }
}
