public import SwitchboardMessaging

/// One of Nova's versioned objects, such as an Instance: named fields, and a version that says which there may be.
///
/// It knows no schema: whatever fields a peer sends are kept, in order, and sent on. A field that is not set is absent,
/// which is not the same as `null`.
///
///     var instance = NovaObject("Instance", version: "2.8", fields: ["uuid": .string(uuid), "host": "cmp1"])
///     instance["task_state"] = "pausing"      // and is in `changes` from now on
public struct NovaObject: Sendable, Hashable {
    /// The object's type, such as `Instance`.
    public let name: String

    /// The project whose object this is: `nova` for all of Nova's own.
    public let namespace: String

    /// Which fields the object may have. Setting it changes no field: who lowers it removes what the lower version
    /// does not have.
    public var version: RPCVersion

    /// The fields that are set, in JSON's terms.
    public private(set) var fields: JSONObject

    /// The names of the fields that were changed since the object was read from the database, in the order they were.
    public private(set) var changes: [String]

    public init(
        _ name: String,
        version: RPCVersion,
        namespace: String = "nova",
        fields: JSONObject = [:],
        changes: [String] = []
    ) {
        self.name = name
        self.namespace = namespace
        self.version = version
        self.fields = fields
        self.changes = changes
    }

    /// A list object, such as a BlockDeviceMappingList: its one field is `objects`.
    public init(list name: String, version: RPCVersion, namespace: String = "nova", objects: [NovaObject] = []) {
        self.init(
            name, version: version, namespace: namespace,
            fields: ["objects": .array(objects.map(\.json))])
    }

    /// A field's value; `nil` when the field is not set. Setting one marks it as changed; `nil` unsets it.
    public subscript(field: String) -> JSONValue? {
        get { fields[field] }
        set {
            fields[field] = newValue
            if newValue == nil {
                changes.removeAll { $0 == field }
            } else if !changes.contains(field) {
                changes.append(field)
            }
        }
    }

    /// Forgets which fields were changed.
    public mutating func resetChanges() {
        changes = []
    }

    // MARK: Objects inside

    /// The object in a field; `nil` when the field is not set or `null`.
    ///
    /// Throws an `RPCError` of `RPCError.Code.invalidObject` when it
    /// holds something else.
    public func object(_ field: String) throws -> NovaObject? {
        switch fields[field] {
        case nil, .null?: nil
        case let value?: try NovaObject(json: value)
        }
    }

    /// Puts an object into a field, and marks the field as changed.
    public mutating func setObject(_ object: NovaObject?, for field: String) {
        self[field] = object?.json ?? .null
    }

    /// The objects of a list object; empty for an object that is no list.
    ///
    /// Throws an `RPCError` of `RPCError.Code.invalidObject` when it
    /// holds something else.
    public var objects: [NovaObject] {
        get throws {
            guard case .array(let elements)? = fields["objects"] else { return [] }
            return try elements.map { try NovaObject(json: $0) }
        }
    }

    // MARK: Times

    /// The time in a field; `nil` when the field is not set, `null` or no time.
    public func time(_ field: String) -> WireTimestamp? {
        fields[field]?.string.flatMap { WireTimestamp($0) }
    }

    /// Puts a time into a field, and marks the field as changed. Nova's objects hold whole seconds; the rest is cut.
    public mutating func setTime(_ time: WireTimestamp?, for field: String) {
        self[field] = time.map { .string($0.novaDateTime) } ?? .null
    }
}

extension WireTimestamp {
    /// The form that Nova's objects have: `2026-01-02T03:04:05Z`, without a fraction.
    public var novaDateTime: String {
        "\(description.prefix { $0 != "." })Z"
    }
}

extension NovaObject: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The type, version and uuid; no other field, for some hold passwords.
    public var description: String {
        let uuid = fields["uuid"]?.string.map { " \($0)" } ?? ""
        return "\(name) \(version)\(uuid)"
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror {
        Mirror(self, children: ["name": name, "version": "\(version)", "fields": fields.keys])
    }
}
