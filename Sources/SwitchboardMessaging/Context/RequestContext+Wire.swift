import SwitchboardCore

extension RequestContext {
    /// The keys that travel, in Nova's order; each becomes `_context_` and its name on the wire.
    ///
    /// Holds the token in clear text, as Nova's peers need it.
    public func wireObject() -> JSONObject {
        var object = JSONObject()
        object.reserveCapacity(25 + additional.count + 1)
        func add(_ key: String, _ value: JSONValue) { object.append(key: key, value: value) }
        add("user", .init(userID))
        add("project_id", .init(projectID))
        add("system_scope", .init(systemScope))
        add("project", .init(projectID))
        add("domain", .init(domainID))
        add("user_domain", .init(userDomainID))
        add("project_domain", .init(projectDomainID))
        add("is_admin", isAdmin.map(JSONValue.bool) ?? .null)
        add("read_only", .bool(readOnly))
        add("show_deleted", .bool(showDeleted))
        add("auth_token", .init(authToken?.reveal()))
        add("request_id", .string(requestID))
        add("global_request_id", .init(globalRequestID))
        add("resource_uuid", .init(resourceUUID))
        add("roles", .array(roles.map(JSONValue.string)))
        add("user_identity", .string(userIdentity))
        add("is_admin_project", .bool(isAdminProject))
        add("user_id", .init(userID))
        add("read_deleted", .string(readDeleted.rawValue))
        add("remote_address", .init(remoteAddress))
        add("timestamp", .string(timestamp.description))
        add("quota_class", .init(quotaClass))
        add("user_name", .init(userName))
        add("service_catalog", .array(serviceCatalog))
        add("project_name", .init(projectName))
        for (key, value) in additional where object[key] == nil {
            object[key] = value
        }
        return object
    }

    /// Reads a context from the wire. Missing keys mean what Nova takes them to mean: a context without any key is an
    /// anonymous one without rights. Never targets: ``mqConnection`` is ``MQConnection/own``.
    ///
    /// Throws an ``RPCError`` of ``RPCError/Code/invalidContext`` that names the key whose value has a wrong type.
    public init(wireObject object: JSONObject) throws {
        self.init(requestID: "")
        requestID = try Self.string(object["request_id"], "request_id") ?? "req-" + UniqueID.makeUUID()
        isAdmin = false
        // One pass over the keys, as every request comes through here.
        for (key, value) in object {
            switch key {
            // Nova takes the identity from `user_id` and `project_id` alone (nova-cells.md §1.3).
            case "request_id", "user", "project", "user_identity": continue
            case "user_id": userID = try Self.string(value, key)
            case "project_id": projectID = try Self.string(value, key)
            case "domain": domainID = try Self.string(value, key)
            case "user_domain": userDomainID = try Self.string(value, key)
            case "project_domain": projectDomainID = try Self.string(value, key)
            case "system_scope": systemScope = try Self.string(value, key)
            case "auth_token": authToken = try Self.string(value, key).map { Secret($0) }
            case "user_name": userName = try Self.string(value, key)
            case "project_name": projectName = try Self.string(value, key)
            case "global_request_id": globalRequestID = try Self.string(value, key)
            case "resource_uuid": resourceUUID = try Self.string(value, key)
            case "remote_address": remoteAddress = try Self.string(value, key)
            case "quota_class": quotaClass = try Self.string(value, key)
            case "is_admin": isAdmin = try Self.bool(value, key)
            case "is_admin_project": isAdminProject = try Self.bool(value, key) ?? true
            case "read_only": readOnly = try Self.bool(value, key) ?? false
            case "show_deleted": showDeleted = try Self.bool(value, key) ?? false
            case "roles":
                roles = try Self.array(value, key).map { role in
                    guard case .string(let name) = role else { throw Self.mismatch(key, "an array of strings") }
                    return name
                }
            case "service_catalog": serviceCatalog = try Self.array(value, key)
            case "read_deleted":
                guard let text = try Self.string(value, key) else { continue }
                guard let known = ReadDeleted(rawValue: text) else {
                    throw Self.mismatch(key, "one of no, yes and only")
                }
                readDeleted = known
            case "timestamp":
                guard let text = try Self.string(value, key) else { continue }
                guard let moment = WireTimestamp(text) else {
                    throw Self.mismatch(key, "a time such as 2026-01-02T03:04:05.678901")
                }
                timestamp = moment
            default: additional.append(key: key, value: value)
            }
        }
    }

    /// oslo.context's summary: user, project, domain, user's domain, project's domain, `-` for what is not set.
    private var userIdentity: String {
        [userID, projectID, domainID, userDomainID, projectDomainID].map { $0 ?? "-" }.joined(separator: " ")
    }
}

extension RequestContext {
    private static func string(_ value: JSONValue?, _ key: String) throws(RPCError) -> String? {
        switch value {
        case nil, .null?: return nil
        case .string(let text)?: return text
        default: throw mismatch(key, "a string")
        }
    }

    private static func bool(_ value: JSONValue, _ key: String) throws(RPCError) -> Bool? {
        switch value {
        case .null: return nil
        case .bool(let value): return value
        default: throw mismatch(key, "true or false")
        }
    }

    private static func array(_ value: JSONValue, _ key: String) throws(RPCError) -> [JSONValue] {
        switch value {
        case .null: return []
        case .array(let elements): return elements
        default: throw mismatch(key, "an array")
        }
    }

    private static func mismatch(_ key: String, _ expected: String) -> RPCError {
        RPCError(.invalidContext, "The key \(key) of the request's context is not \(expected).")
    }
}

extension JSONValue {
    fileprivate init(_ text: String?) {
        self = text.map(JSONValue.string) ?? .null
    }
}
