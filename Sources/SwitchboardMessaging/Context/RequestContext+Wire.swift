import SwitchboardCore

extension RequestContext {
    /// The keys that travel, in Nova's order, or those of a plain context; each becomes `_context_` and its name on the
    /// wire.
    ///
    /// Holds the token in clear text, as Nova's peers need it.
    public func wireObject() -> JSONObject {
        storage.wire.value { makeWireObject() }
    }

    /// The same as members of a document within a document, escaped, a comma before each.
    func nestedWireMembers() -> [UInt8] {
        storage.nestedWire.value { JSONWriter.nestedMembers(of: wireObject(), expecting: Self.wireNames) }
    }

    /// What travels of it in notifications.
    func redactedWireObject() -> JSONObject {
        storage.redactedWire.value { redacted().wireObject() }
    }

    /// As ``nestedWireMembers()``, of what travels in notifications.
    func redactedNestedWireMembers() -> [UInt8] {
        storage.redactedNestedWire.value {
            JSONWriter.nestedMembers(of: redactedWireObject(), expecting: Self.wireNames)
        }
    }

    private func makeWireObject() -> JSONObject {
        let fields = fields
        if fields.isPlain { return fields.additional }
        var object = JSONObject()
        object.reserveCapacity(25 + fields.additional.count + 1)
        func add(_ key: Key, _ value: JSONValue) { object.append(key: key.rawValue, value: value) }
        add(.user, .init(fields.userID))
        add(.projectId, .init(fields.projectID))
        add(.systemScope, .init(fields.systemScope))
        add(.project, .init(fields.projectID))
        add(.domain, .init(fields.domainID))
        add(.userDomain, .init(fields.userDomainID))
        add(.projectDomain, .init(fields.projectDomainID))
        add(.isAdmin, fields.isAdmin.map(JSONValue.bool) ?? .null)
        add(.readOnly, .bool(fields.readOnly))
        add(.showDeleted, .bool(fields.showDeleted))
        add(.authToken, .init(fields.authToken?.reveal()))
        add(.requestId, .string(fields.requestID))
        add(.globalRequestId, .init(fields.globalRequestID))
        add(.resourceUuid, .init(fields.resourceUUID))
        add(.roles, .array(fields.roles.map(JSONValue.string)))
        add(.userIdentity, .string(userIdentity))
        add(.isAdminProject, .bool(fields.isAdminProject))
        add(.userId, .init(fields.userID))
        add(.readDeleted, .string(fields.readDeleted.rawValue))
        add(.remoteAddress, .init(fields.remoteAddress))
        add(.timestamp, .string(fields.timestamp.description))
        add(.quotaClass, .init(fields.quotaClass))
        add(.userName, .init(fields.userName))
        add(.serviceCatalog, .array(fields.serviceCatalog))
        add(.projectName, .init(fields.projectName))
        for (key, value) in fields.additional where object[key] == nil {
            object[key] = value
        }
        return object
    }

    /// Reads a context from the wire. Missing keys mean what Nova takes them to mean: a context without any key is an
    /// anonymous one without rights. Never targets: ``mqConnection`` is ``QueueRoute/own``.
    ///
    /// Throws an ``RPCError`` of ``RPCError/Code/invalidContext`` that names the key whose value has a wrong type.
    public init(wireObject object: JSONObject) throws {
        var fields = Fields(requestID: "", timestamp: .now())
        var requestID: String?
        // One pass over the keys, as every request comes through here. They come in Nova's order nearly always: the
        // next one is looked at first.
        let (keys, names) = (Self.keys, Self.wireNames.names)
        var next = 0
        for member in object.members {
            let (key, value) = (member.key, member.value)
            if next < names.count, names[next] == key {
                next += 1
            } else if let place = Self.places[key] {
                next = place + 1
            } else {
                fields.additional.append(key: key, value: value)
                continue
            }
            switch keys[next - 1] {
            case .requestId: requestID = try Self.string(value, key)
            case .userId: fields.userID = try Self.string(value, key)
            case .projectId: fields.projectID = try Self.string(value, key)
            case .domain: fields.domainID = try Self.string(value, key)
            case .userDomain: fields.userDomainID = try Self.string(value, key)
            case .projectDomain: fields.projectDomainID = try Self.string(value, key)
            case .systemScope: fields.systemScope = try Self.string(value, key)
            case .authToken: fields.authToken = try Self.string(value, key).map { Secret($0) }
            case .userName: fields.userName = try Self.string(value, key)
            case .projectName: fields.projectName = try Self.string(value, key)
            case .globalRequestId: fields.globalRequestID = try Self.string(value, key)
            case .resourceUuid: fields.resourceUUID = try Self.string(value, key)
            case .remoteAddress: fields.remoteAddress = try Self.string(value, key)
            case .quotaClass: fields.quotaClass = try Self.string(value, key)
            case .isAdmin: fields.isAdmin = try Self.bool(value, key)
            case .isAdminProject: fields.isAdminProject = try Self.bool(value, key) ?? true
            case .readOnly: fields.readOnly = try Self.bool(value, key) ?? false
            case .showDeleted: fields.showDeleted = try Self.bool(value, key) ?? false
            case .roles:
                fields.roles = try Self.array(value, key).map { role in
                    guard case .string(let name) = role else { throw Self.mismatch(key, "an array of strings") }
                    return name
                }
            case .serviceCatalog: fields.serviceCatalog = try Self.array(value, key)
            case .readDeleted:
                guard let text = try Self.string(value, key) else { continue }
                guard let known = ReadDeleted(rawValue: text) else {
                    throw Self.mismatch(key, "one of no, yes and only")
                }
                fields.readDeleted = known
            case .timestamp:
                guard let text = try Self.string(value, key) else { continue }
                guard let moment = WireTimestamp(text) else {
                    throw Self.mismatch(key, "a time such as 2026-01-02T03:04:05.678901")
                }
                fields.timestamp = moment
            // Nova takes the identity from `user_id` and `project_id` alone (nova-cells.md §1.3).
            case .user, .project, .userIdentity: continue
            }
        }
        fields.requestID = requestID ?? "req-" + UniqueID.makeUUID()
        self.init(fields)
    }

    /// oslo.context's summary: user, project, domain, user's domain, project's domain, `-` for what is not set.
    private var userIdentity: String {
        let fields = fields
        var identity = fields.userID ?? "-"
        for part in [fields.projectID, fields.domainID, fields.userDomainID, fields.projectDomainID] {
            identity += " "
            identity += part ?? "-"
        }
        return identity
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
    enum Key: String, CaseIterable {
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

    static let keys = Key.allCases
    /// What the members of a context are called on the wire (oslo-wire.md §3.3).
    static let wireNames = ExpectedNames(prefix: "_context_", keys.map(\.rawValue))
    /// Where each of them is.
    static let places = Dictionary(uniqueKeysWithValues: zip(wireNames.names, wireNames.names.indices))
}
