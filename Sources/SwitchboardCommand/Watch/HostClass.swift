import SwitchboardMessaging

/// What a host is found to be.
enum HostClass: String, Hashable, Sendable, CaseIterable {
    case answering
    /// It answers that it has no such method, so it is alive: its `rpc_ping_enabled` is off.
    case noPing = "no_ping"
    /// It answers, and takes longer than it may.
    case slow
    /// Its queue is there, and no answer comes.
    case deaf
    /// Nobody listens: the broker returned the request.
    case absent
    /// Its cell's queue can't be used, so nothing can be said of the host.
    case unreachable
    /// It wasn't asked yet, or the answer isn't certain.
    case unknown

    /// The word for people.
    var text: String { self == .noPing ? "no ping" : rawValue }

    /// Whether the host certainly works.
    var isWell: Bool { self == .answering || self == .noPing }

    /// Whether nobody serves the host's queue.
    var isOut: Bool { self == .deaf || self == .absent }
}

/// What came of asking a host once.
struct HostFinding: Hashable, Sendable {
    var hostClass: HostClass
    /// Until its answer; `nil` where none came.
    var roundTrip: Duration?
    /// A clause for people; never a secret.
    var detail: String
}

/// Says what an answer, or its absence, makes of a host. A value without I/O.
struct HostClassifier: Hashable, Sendable {
    /// A host that takes longer is slow.
    var slow: Duration

    func finding(answeredIn time: Duration, hasPing: Bool) -> HostFinding {
        if time > slow {
            return HostFinding(
                hostClass: .slow, roundTrip: time, detail: "answered in \(time.text), which is over \(slow.text)")
        }
        if hasPing { return HostFinding(hostClass: .answering, roundTrip: time, detail: "answered in \(time.text)") }
        return HostFinding(
            hostClass: .noPing, roundTrip: time, detail: "answered in \(time.text) that it has no ping: it is alive")
    }

    /// - Parameter time: since the request was made.
    func finding(_ error: RPCError, after time: Duration) -> HostFinding {
        switch error.code {
        case .remote, .noSuchMethod, .unsupportedVersion, .invalidReply:
            return finding(answeredIn: time, hasPing: false)
        case .timeout:
            return HostFinding(
                hostClass: .deaf, detail: "its queue took the request, and no answer came within \(time.rounded)")
        case .unroutable: return HostFinding(hostClass: .absent, detail: "nobody listens: the request was returned")
        // Of this name alone: other hosts of its cell can be asked.
        case .invalidTarget: return HostFinding(hostClass: .absent, detail: error.message)
        default: return HostFinding(hostClass: .unreachable, detail: error.message)
        }
    }
}

extension Duration {
    /// `10 s`, `250 ms`.
    fileprivate var rounded: String {
        self >= .seconds(1) ? "\(Int((self / .seconds(1)).rounded())) s" : "\(Int(milliseconds.rounded())) ms"
    }
}
