extension RequestContext {
    /// The context of what the current task works on; `nil` unless ``withRequestContext(_:_:)`` or something that uses it
    /// has set one.
    ///
    /// Calls that take a context as a parameter don't look at it. Calls of distributed actors (`SwitchboardActors`) do, as
    /// the signature of a distributed method has no room for a context.
    @TaskLocal public static var current: RequestContext?
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
