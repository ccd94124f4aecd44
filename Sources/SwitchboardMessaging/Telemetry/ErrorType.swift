import SwitchboardCore

/// A word for how an operation failed: OpenTelemetry's `error.type`.
enum ErrorType {
    /// Errors of handlers and of drivers that we don't know: their types aren't bounded. Also what stands for names that a
    /// peer made up.
    static let other = "_OTHER"

    static func of(_ error: any Error) -> String {
        switch error {
        case is CancellationError: "cancelled"
        case let error as RPCError: error.code.description
        case let error as RemoteError where error.module == RemoteError.dispatcherModule: error.className
        case let error as NotificationError: error.code.description
        case NotificationRejection.requeue: "requeue"
        case NotificationRejection.release: "release"
        case NotificationRejection.discard(_): "discard"
        case let error as TransportError: error.code.description
        default: other
        }
    }
}
