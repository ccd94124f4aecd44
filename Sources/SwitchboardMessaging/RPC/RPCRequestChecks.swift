/// What a server finds wrong with a request that it could read, and what the caller is told: the class is the one that
/// Python raises, the sentence says what is wrong (oslo-wire.md §4.6).
enum RPCRequestChecks {
    static func method(of request: OsloRequest) throws(RemoteError) -> String {
        guard case .string(let method) = request.rawMethod else {
            throw .typeError("The request's method is \(request.rawMethod), and no string.")
        }
        return method
    }

    /// The request's version; `majors` are those that the request's namespace is served in. As in Python, a version is
    /// looked at no further than is needed to see that it does not fit.
    static func version(of request: OsloRequest, majors: (Int) -> Bool) throws(RemoteError) -> RPCVersion {
        switch request.rawVersion {
        case nil: return "1.0"
        case .string(let text)?:
            if let version = RPCVersion(text) { return version }
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard let major = Int(parts[0]) else {
                throw RemoteError(
                    className: "ValueError", message: "The request's version \"\(text)\" is not major.minor.")
            }
            guard majors(major) else { throw .unsupportedVersion(text, method: request.method) }
            guard parts.count > 1 else {
                throw RemoteError(
                    className: "IndexError", message: "The request's version \"\(text)\" has no minor part.")
            }
            guard let minor = Int(parts[1]), let revision = parts.count > 2 ? Int(parts[2]) : 0 else {
                throw RemoteError(
                    className: "ValueError", message: "The request's version \"\(text)\" is not major.minor.")
            }
            return RPCVersion(major, minor, revision)
        case .null?:
            throw .unsupportedVersion("None", method: request.method)
        case let value?:
            throw RemoteError(className: "AttributeError", message: "The request's version is \(value), and no string.")
        }
    }

    static func arguments(of request: OsloRequest) throws(RemoteError) -> JSONObject {
        switch request.rawArguments {
        case nil: return [:]
        case .object(let arguments)?: return arguments
        default:
            throw RemoteError(
                className: "AttributeError", message: "The arguments of \(request.method)() are not an object.")
        }
    }
}
