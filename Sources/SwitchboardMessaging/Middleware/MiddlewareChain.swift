/// Runs requests through middleware, the first one outermost.
enum MiddlewareChain {
    static func send(
        _ request: RPCClientRequest, through middleware: ArraySlice<any RPCClientMiddleware>,
        _ last: @escaping @Sendable (RPCClientRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        guard let first = middleware.first else { return try await last(request) }
        return try await first.send(request) { try await send($0, through: middleware.dropFirst(), last) }
    }

    static func handle(
        _ request: RPCServerRequest, through middleware: ArraySlice<any RPCServerMiddleware>,
        _ last: @escaping @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        guard let first = middleware.first else { return try await last(request) }
        return try await first.handle(request) { try await handle($0, through: middleware.dropFirst(), last) }
    }
}
