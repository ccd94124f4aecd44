extension RequestContext {
    /// The context of what the current task works on; `nil` unless ``withRequestContext(_:_:)``, or something that uses it,
    /// has set one.
    ///
    /// Calls that are given a context use that. Calls without one use this, as do calls of distributed actors
    /// (`SwitchboardActors`), whose methods have no room for a context.
    @TaskLocal public static var current: RequestContext?

    /// ``current``, or a new context of nobody in particular for the process's own queue: what calls without a context use.
    public static var currentOrNew: RequestContext { current ?? RequestContext() }
}

/// Runs `body` with a context as ``RequestContext/current``. Child tasks of `body` see it too, detached tasks don't.
///
///     try await withRequestContext(context) {
///         try await compute.reboot(instance: uuid, hard: true)
///     }
public func withRequestContext<Result>(
    _ context: RequestContext, _ body: () async throws -> Result
) async rethrows -> Result {
    try await RequestContext.$current.withValue(context, operation: body)
}
