/// An error type that both sides know: a handler throws it, and a caller that has it in its ``RPCErrorRegistry``
/// catches the same type.
///
///     struct InstanceNotFound: RPCTransferableError {
///         static let remoteClass = "InstanceNotFound"
///         static let remoteModule = "nova.exception"
///         var uuid: String
///         …
///     }
public protocol RPCTransferableError: RemotelyVisibleError {
    /// The name of its Python class.
    static var remoteClass: String { get }
    /// The module of its Python class.
    static var remoteModule: String { get }

    /// Creates the error from what arrived. Returns `nil` if that isn't possible; the caller then gets an ``RPCError``.
    init?(_ remote: RemoteError)
}

/// The remote errors that a client throws as Swift error types of your own. All others are an ``RPCError`` with the
/// code ``RPCError/Code/remote``.
///
/// An allow list, like oslo.messaging's `allowed_remote_exmods`: a peer can't make a client throw a type that isn't in
/// it. A value; empty by default.
public struct RPCErrorRegistry: Sendable {
    private struct Name: Hashable {
        let className: String
        let module: String
    }

    private var makers: [Name: @Sendable (RemoteError) -> (any Error)?] = [:]

    public init() {}

    /// Adds an error type, for failures of its class.
    public mutating func register<Failure: RPCTransferableError>(_ type: Failure.Type) {
        register(type.remoteClass, module: type.remoteModule) { Failure($0) }
    }

    /// Adds a function that makes an error from failures of a class. If it returns `nil`, the caller gets an
    /// ``RPCError``. Traps if the class is already registered.
    public mutating func register(
        _ className: String, module: String = "builtins", _ make: @escaping @Sendable (RemoteError) -> (any Error)?
    ) {
        let name = Name(className: className, module: module)
        precondition(makers[name] == nil, "The remote error \(module).\(className) is registered twice.")
        makers[name] = make
    }

    /// The error that a caller gets for a failure.
    func error(for failure: OsloFailure) -> any Error {
        let error = RPCError(failure)
        guard !makers.isEmpty, let remote = error.remote,
            let make = makers[Name(className: remote.className, module: remote.module)]
        else { return error }
        return make(remote) ?? error
    }
}
