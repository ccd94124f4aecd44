public import SwitchboardMessaging

/// The newest version of each object that a cell's services know.
///
/// A real cell that is sent a newer one does not refuse it: compute asks its conductor to translate, which asks itself,
/// until all its threads wait for one another (nova-cells.md §3.4, "Danger"). So nothing newer may leave.
public struct NovaObjectVersions: Sendable, Hashable {
    /// What a table of Nova's history says of a service version.
    private let serviceVersion: Int
    /// What the caller says.
    private var stated: [String: RPCVersion] = [:]

    /// What every service of a version, or of a newer one, knows.
    ///
    /// - Parameter serviceVersion: the number in `services.version`. Below 30 (before Queens) nothing is known.
    public init(serviceVersion: Int) {
        self.serviceVersion = serviceVersion
    }

    /// What the newest Nova of the table knows (34.0.0).
    public static let newest = NovaObjectVersions(serviceVersion: ComputeVersionHistory.newestServiceVersion)

    /// The newest version that is known of an object; `nil`: nothing is known, and it may not be sent.
    ///
    /// Set it for what the table cannot know: objects of another namespace's making, backports, a newer Nova.
    public subscript(name: String) -> RPCVersion? {
        get { stated[name] ?? NovaObjectHistory.version(of: name, serviceVersion: serviceVersion) }
        set { stated[name] = newValue }
    }

    /// Whether a version of an object may be sent: the same major, and no newer.
    public func allows(_ name: String, _ version: RPCVersion) -> Bool {
        self[name]?.isCompatible(with: version) ?? false
    }

    /// Checks an object and all objects inside it.
    ///
    /// Throws an `RPCError` of `RPCError.Code.objectTooNew`,
    /// `RPCError.Code.unknownObject` or `RPCError.Code.invalidObject`,
    /// which names the object and where it is.
    public func check(_ object: NovaObject) throws {
        try check(object.json, at: object.name)
    }

    /// Checks all objects inside a value. `path` says where it is, for people.
    func check(_ value: JSONValue, at path: String) throws {
        switch value {
        case .array(let elements):
            for (index, element) in elements.enumerated() { try check(element, at: "\(path)[\(index)]") }
        case .object(let object) where object[NovaObjectKey.name] != nil:
            let object = try NovaObject(json: value)
            try checkVersion(of: object, at: path)
            for (field, value) in object.fields { try check(value, at: "\(path).\(field)") }
        case .object(let object):
            for (key, value) in object { try check(value, at: "\(path).\(key)") }
        case .null, .bool, .integer, .number, .double, .string: break
        }
    }

    private func checkVersion(of object: NovaObject, at path: String) throws {
        guard let known = self[object.name] else {
            throw RPCError(
                .unknownObject,
                "\(path): it is not known which version of \(object.name) the target's computes know, and this one is "
                    + "\(object.version). If they do know it, state that in the pin: objects[\"\(object.name)\"] = "
                    + "\"\(object.version)\".")
        }
        guard known.isCompatible(with: object.version) else {
            throw RPCError(
                .objectTooNew,
                "\(path): \(object.name) \(object.version) cannot be sent to computes that know \(known), for it could "
                    + "block their conductor; bring the object to version \(known) first.")
        }
    }
}
