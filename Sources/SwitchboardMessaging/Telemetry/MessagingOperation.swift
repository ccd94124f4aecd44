/// What is done with a message: OpenTelemetry's `messaging.operation.name`.
enum MessagingOperation: String, Sendable {
    case call, cast, fanout
    /// Sends a notification.
    case notify
    /// Works on a request or a notification.
    case process

    /// OpenTelemetry's `messaging.operation.type`.
    var type: String {
        self == .process ? "process" : "send"
    }

    init(_ kind: RPCClientRequest.Kind) {
        self =
            switch kind {
            case .call: .call
            case .cast: .cast
            case .fanout: .fanout
            }
    }
}
