/// What a server finds wrong with a request that it could read, and what the caller is told: what Python would say
/// (oslo-wire.md §4.6).
enum RPCRequestChecks {
    static func method(of request: OsloRequest) throws(RemoteError) -> String {
        guard case .string(let method) = request.rawMethod else {
            throw .typeError("The request's method is not a string.")
        }
        return method
    }

    static func version(of request: OsloRequest) throws(RemoteError) -> RPCVersion {
        switch request.rawVersion {
        case nil: return "1.0"
        case .string(let text)?:
            guard let version = RPCVersion(text) else {
                throw RemoteError(
                    className: "ValueError", message: "The request's version \"\(text)\" is not major.minor.")
            }
            return version
        default:
            throw .unsupportedVersion("None", method: request.method)
        }
    }

    static func arguments(of request: OsloRequest) throws(RemoteError) -> JSONObject {
        switch request.rawArguments {
        case nil: return [:]
        case .object(let arguments)?: return arguments
        default: throw .typeError("The arguments of \(request.method)() are not an object.")
        }
    }
}
