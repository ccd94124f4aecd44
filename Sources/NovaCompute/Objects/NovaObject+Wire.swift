public import SwitchboardMessaging

/// The keys of an object on the wire, in the order that Nova writes them.
enum NovaObjectKey {
    static let name = "nova_object.name"
    static let namespace = "nova_object.namespace"
    static let version = "nova_object.version"
    static let data = "nova_object.data"
    static let changes = "nova_object.changes"
}

extension NovaObject {
    /// The object as it crosses the wire (nova-cells.md §3.4). Changes are there only when there are any.
    public var json: JSONValue {
        var object = JSONObject()
        object.reserveCapacity(5)
        object.append(key: NovaObjectKey.name, value: .string(name))
        object.append(key: NovaObjectKey.namespace, value: .string(namespace))
        object.append(key: NovaObjectKey.version, value: .string(version.description))
        object.append(key: NovaObjectKey.data, value: .object(fields))
        if !changes.isEmpty {
            object.append(key: NovaObjectKey.changes, value: .array(changes.map(JSONValue.string)))
        }
        return .object(object)
    }

    /// Reads an object from the wire. Objects inside it are read when they are asked for.
    ///
    /// Throws an `RPCError` of `RPCError.Code.invalidObject` that names
    /// the key at fault.
    public init(json: JSONValue) throws {
        guard case .object(let object) = json else {
            throw RPCError(.invalidObject, "What should be a versioned object is no JSON object.")
        }
        let name = try object.objectText(NovaObjectKey.name, of: "a versioned object")
        let namespace = try object.objectText(NovaObjectKey.namespace, of: name)
        let versionText = try object.objectText(NovaObjectKey.version, of: name)
        guard let version = RPCVersion(versionText) else {
            throw RPCError(.invalidObject, "\(NovaObjectKey.version) of \(name) is \"\(versionText)\" and no version.")
        }
        guard case .object(let fields)? = object[NovaObjectKey.data] else {
            throw RPCError(.invalidObject, "\(NovaObjectKey.data) of \(name) is missing, or no JSON object.")
        }
        var changes: [String] = []
        switch object[NovaObjectKey.changes] {
        case nil: break
        case .array(let names)? where names.allSatisfy { $0.string != nil }: changes = names.compactMap(\.string)
        default: throw RPCError(.invalidObject, "\(NovaObjectKey.changes) of \(name) is no array of names.")
        }
        self.init(name, version: version, namespace: namespace, fields: fields, changes: changes)
    }
}

extension NovaObject: Codable {
    public init(from decoder: any Decoder) throws {
        let json = try JSONValue(from: decoder)
        do {
            try self.init(json: json)
        } catch let error as RPCError {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }
}

extension JSONObject {
    fileprivate func objectText(_ key: String, of name: String) throws -> String {
        guard let text = self[key]?.string else {
            throw RPCError(.invalidObject, "\(key) of \(name) is missing, or no string.")
        }
        return text
    }
}
