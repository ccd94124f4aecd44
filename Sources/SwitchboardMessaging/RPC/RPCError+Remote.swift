extension RPCError {
    /// What a caller gets for a failure that came in a reply.
    init(_ failure: OsloFailure) {
        let remote = RemoteError(
            className: failure.className,
            // Python 2 called it otherwise.
            module: failure.module == "exceptions" ? "builtins" : failure.module, message: failure.message,
            traceback: failure.traceback, arguments: failure.arguments,
            keywordArguments: failure.keywordArguments)
        let code: Code =
            switch (remote.module, remote.className) {
            case (RemoteError.dispatcherModule, "NoSuchMethod"): .noSuchMethod
            case (RemoteError.dispatcherModule, "UnsupportedVersion"): .unsupportedVersion
            case (RemoteError.ownModule, RemoteError.undeliverableReplyClass): .invalidReply
            case (RemoteError.ownModule, RemoteError.indeterminateClass): .indeterminate
            default: .remote
            }
        self.init(code, remote.message, remote: remote)
    }
}

extension OsloFailure {
    init(_ error: RemoteError) {
        self.init(
            className: error.className, module: error.module, message: error.message, traceback: error.traceback,
            arguments: error.arguments, keywordArguments: error.keywordArguments)
    }
}
