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
        // One pass over the keys, as every request comes through here. They come in Nova's order nearly always: the next
        // one is looked at first.
        var next = 0
        for (key, value) in object {
            if next < Self.order.count, Self.order[next] == key {
                next += 1
            } else if let place = Self.places[key] {
                next = place + 1
            } else {
                additional.append(key: key, value: value)
                continue
            }
            switch Self.keys[next - 1] {
            case .userId: userID = try Self.string(value, key)
            case .projectId: projectID = try Self.string(value, key)
            case .domain: domainID = try Self.string(value, key)
            case .userDomain: userDomainID = try Self.string(value, key)
            case .projectDomain: projectDomainID = try Self.string(value, key)
            case .systemScope: systemScope = try Self.string(value, key)
            case .authToken: authToken = try Self.string(value, key).map { Secret($0) }
            case .userName: userName = try Self.string(value, key)
            case .projectName: projectName = try Self.string(value, key)
            case .globalRequestId: globalRequestID = try Self.string(value, key)
            case .resourceUuid: resourceUUID = try Self.string(value, key)
            case .remoteAddress: remoteAddress = try Self.string(value, key)
            case .quotaClass: quotaClass = try Self.string(value, key)
            case .isAdmin: isAdmin = try Self.bool(value, key)
            case .isAdminProject: isAdminProject = try Self.bool(value, key) ?? true
            case .readOnly: readOnly = try Self.bool(value, key) ?? false
            case .showDeleted: showDeleted = try Self.bool(value, key) ?? false
            case .roles:
                roles = try Self.array(value, key).map { role in
                    guard case .string(let name) = role else { throw Self.mismatch(key, "an array of strings") }
                    return name
                }
            case .serviceCatalog: serviceCatalog = try Self.array(value, key)
            case .readDeleted:
                guard let text = try Self.string(value, key) else { continue }
                guard let known = ReadDeleted(rawValue: text) else {
                    throw Self.mismatch(key, "one of no, yes and only")
                }
                readDeleted = known
            case .timestamp:
                guard let text = try Self.string(value, key) else { continue }
                guard let moment = WireTimestamp(text) else {
                    throw Self.mismatch(key, "a time such as 2026-01-02T03:04:05.678901")
                }
                timestamp = moment
            // Nova takes the identity from `user_id` and `project_id` alone (nova-cells.md §1.3).
            case .requestId, .user, .project, .userIdentity: continue
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

extension RequestContext {
    /// Nova's keys, in the order of the wire.
    private enum Key: String, CaseIterable {
        case user
        case projectId = "project_id"
        case systemScope = "system_scope"
        case project
        case domain
        case userDomain = "user_domain"
        case projectDomain = "project_domain"
        case isAdmin = "is_admin"
        case readOnly = "read_only"
        case showDeleted = "show_deleted"
        case authToken = "auth_token"
        case requestId = "request_id"
        case globalRequestId = "global_request_id"
        case resourceUuid = "resource_uuid"
        case roles
        case userIdentity = "user_identity"
        case isAdminProject = "is_admin_project"
        case userId = "user_id"
        case readDeleted = "read_deleted"
        case remoteAddress = "remote_address"
        case timestamp
        case quotaClass = "quota_class"
        case userName = "user_name"
        case serviceCatalog = "service_catalog"
        case projectName = "project_name"
    }

    private static let keys = Key.allCases
    private static let order = Key.allCases.map(\.rawValue)
    private static let places = Dictionary(uniqueKeysWithValues: zip(order, order.indices))
}
