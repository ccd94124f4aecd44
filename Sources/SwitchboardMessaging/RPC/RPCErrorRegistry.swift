/// An error of a program that crosses the wire both ways: a handler throws it, and a caller whose
/// ``RPCErrorRegistry`` has it catches it as what it is.
///
///     struct InstanceNotFound: RPCTransferableError {
///         static let remoteClass = "InstanceNotFound"
///         static let remoteModule = "nova.exception"
///         var uuid: String
///         …
///     }
public protocol RPCTransferableError: RemotelyVisibleError {
    /// The name of its class in Python, where it has one.
    static var remoteClass: String { get }
    /// The module of its class in Python.
    static var remoteModule: String { get }

    /// `nil` when it cannot be made from what came; the caller gets an ``RPCError`` then.
    init?(_ remote: RemoteError)
}

/// Which errors of the other side a client throws as Swift errors of their own. What is not in it stays an ``RPCError`` of
/// ``RPCError/Code/remote``.
///
/// An allow-list, as oslo.messaging's `allowed_remote_exmods`: a peer cannot make a client throw anything that is not in
/// it. A value; empty by default.
public struct RPCErrorRegistry: Sendable {
    private struct Name: Hashable {
        let className: String
        let module: String
    }

    private var makers: [Name: @Sendable (RemoteError) -> (any Error)?] = [:]

    public init() {}

    /// Throws errors of the type for failures of its class.
    public mutating func register<Failure: RPCTransferableError>(_ type: Failure.Type) {
        register(type.remoteClass, module: type.remoteModule) { Failure($0) }
    }

    /// Throws what `make` makes of failures of a class; an ``RPCError`` when it makes `nil`. Traps when the class is
    /// registered already.
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
