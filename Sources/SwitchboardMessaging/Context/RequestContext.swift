public import SwitchboardCore

/// Who asks, on whose behalf, and through which message queue: Nova's request context.
///
/// A value: passing it on copies it. On the wire it has Nova's 25 keys (nova-cells.md §1.1) and the keys of
/// ``additional``; a ``plain(_:)`` context has only the latter. ``mqConnection`` never travels, and decoding never aims
/// a context.
public struct RequestContext: Sendable {
    /// The database rows that the request sees.
    public enum ReadDeleted: String, Sendable, Hashable {
        case no, yes, only
    }

    /// What travels.
    struct Fields: Sendable {
        var authToken: Secret?
        var userID: String?
        var userName: String?
        var projectID: String?
        var projectName: String?
        var domainID: String?
        var userDomainID: String?
        var projectDomainID: String?
        var systemScope: String?
        var roles: [String] = []
        var isAdmin: Bool? = false
        var isAdminProject: Bool = true
        var remoteAddress: String?
        var quotaClass: String?
        var serviceCatalog: [JSONValue] = []
        var requestID: String
        var globalRequestID: String?
        var resourceUUID: String?
        var timestamp: WireTimestamp
        var readOnly: Bool = false
        var showDeleted: Bool = false
        var readDeleted: ReadDeleted = .no
        var additional: JSONObject = JSONObject()
        /// Whether only `additional` travels.
        var isPlain = false
    }

    /// A context is copied many times on a request's way, and aimed for each: so what travels stands behind one
    /// reference, which never changes. Setting a field makes another.
    final class Storage: Sendable {
        let fields: Fields
        /// What is made of the fields when it is asked for the first time: most contexts go out several times.
        let wire = LazyValue<JSONObject>()
        let nestedWire = LazyValue<[UInt8]>()
        let redactedWire = LazyValue<JSONObject>()
        let redactedNestedWire = LazyValue<[UInt8]>()

        init(_ fields: Fields) {
            self.fields = fields
        }
    }

    private(set) var storage: Storage

    var fields: Fields { storage.fields }

    /// The message queue that RPC with this context uses.
    public var mqConnection: QueueRoute = .own

    init(_ fields: Fields) {
        storage = Storage(fields)
    }

    private mutating func update(_ change: (inout Fields) -> Void) {
        var fields = storage.fields
        change(&fields)
        storage = Storage(fields)
    }

    // MARK: Who asks

    public var authToken: Secret? {
        get { storage.fields.authToken }
        set { update { $0.authToken = newValue } }
    }

    public var userID: String? {
        get { storage.fields.userID }
        set { update { $0.userID = newValue } }
    }

    public var userName: String? {
        get { storage.fields.userName }
        set { update { $0.userName = newValue } }
    }

    public var projectID: String? {
        get { storage.fields.projectID }
        set { update { $0.projectID = newValue } }
    }

    public var projectName: String? {
        get { storage.fields.projectName }
        set { update { $0.projectName = newValue } }
    }

    public var domainID: String? {
        get { storage.fields.domainID }
        set { update { $0.domainID = newValue } }
    }

    public var userDomainID: String? {
        get { storage.fields.userDomainID }
        set { update { $0.userDomainID = newValue } }
    }

    public var projectDomainID: String? {
        get { storage.fields.projectDomainID }
        set { update { $0.projectDomainID = newValue } }
    }

    public var systemScope: String? {
        get { storage.fields.systemScope }
        set { update { $0.systemScope = newValue } }
    }

    public var roles: [String] {
        get { storage.fields.roles }
        set { update { $0.roles = newValue } }
    }

    /// Whether the user is an administrator. `nil` leaves the decision to the receiver's policy.
    public var isAdmin: Bool? {
        get { storage.fields.isAdmin }
        set { update { $0.isAdmin = newValue } }
    }

    public var isAdminProject: Bool {
        get { storage.fields.isAdminProject }
        set { update { $0.isAdminProject = newValue } }
    }

    /// The caller's network address.
    public var remoteAddress: String? {
        get { storage.fields.remoteAddress }
        set { update { $0.remoteAddress = newValue } }
    }

    public var quotaClass: String? {
        get { storage.fields.quotaClass }
        set { update { $0.quotaClass = newValue } }
    }

    /// The entries of the service catalog that the sender passes on.
    public var serviceCatalog: [JSONValue] {
        get { storage.fields.serviceCatalog }
        set { update { $0.serviceCatalog = newValue } }
    }

    // MARK: What is asked

    /// `req-` and a UUID. Stays the same on every hop of a request.
    public var requestID: String {
        get { storage.fields.requestID }
        set { update { $0.requestID = newValue } }
    }

    public var globalRequestID: String? {
        get { storage.fields.globalRequestID }
        set { update { $0.globalRequestID = newValue } }
    }

    public var resourceUUID: String? {
        get { storage.fields.resourceUUID }
        set { update { $0.resourceUUID = newValue } }
    }

    public var timestamp: WireTimestamp {
        get { storage.fields.timestamp }
        set { update { $0.timestamp = newValue } }
    }

    public var readOnly: Bool {
        get { storage.fields.readOnly }
        set { update { $0.readOnly = newValue } }
    }

    public var showDeleted: Bool {
        get { storage.fields.showDeleted }
        set { update { $0.showDeleted = newValue } }
    }

    public var readDeleted: ReadDeleted {
        get { storage.fields.readDeleted }
        set { update { $0.readDeleted = newValue } }
    }

    /// Keys on the wire that aren't Nova's. They are passed on unchanged.
    public var additional: JSONObject {
        get { storage.fields.additional }
        set { update { $0.additional = newValue } }
    }

    // MARK: Making one

    public init(
        userID: String? = nil,
        projectID: String? = nil,
        roles: [String] = [],
        isAdmin: Bool? = false,
        requestID: String? = nil
    ) {
        self.init(
            Fields(
                userID: userID, projectID: projectID, roles: roles, isAdmin: isAdmin,
                requestID: requestID ?? "req-" + UniqueID.makeUUID(), timestamp: .now()))
    }

    /// A context for oslo.messaging programs other than Nova, whose contexts have other keys or none.
    ///
    ///     try await client.call("echo", ["body": "x"], context: .plain())
    ///
    /// Only these members travel, and with a call its deadline. The other properties, such as ``requestID`` for logs,
    /// stay on this side. If the peer needs any of them, put them into ``additional`` under the names that it knows.
    /// Notifications then carry an empty context, as oslo.messaging's do (oslo-wire.md §7).
    public static func plain(_ members: JSONObject = [:]) -> RequestContext {
        var fields = Fields(requestID: "req-" + UniqueID.makeUUID(), timestamp: .now())
        fields.additional = members
        fields.isPlain = true
        return RequestContext(fields)
    }

    /// Whether this is a ``plain(_:)`` context.
    public var isPlain: Bool { storage.fields.isPlain }

    /// A context without a user but with an administrator's rights, for a service's own work.
    public static func admin() -> RequestContext {
        RequestContext(isAdmin: true)
    }

    /// Returns a copy with an administrator's rights. It keeps the request's id and its message queue.
    public func elevated(readDeleted: ReadDeleted? = nil) -> RequestContext {
        var copy = self
        copy.update { fields in
            fields.isAdmin = true
            if !fields.roles.contains(where: { $0.lowercased() == "admin" }) { fields.roles.append("admin") }
            if let readDeleted { fields.readDeleted = readDeleted }
        }
        return copy
    }
}

extension RequestContext: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The request, its user, project and queue. Never the token or the catalog.
    public var description: String {
        "RequestContext(\(requestID), user: \(userID ?? "-"), project: \(projectID ?? "-"), queue: \(mqConnection))"
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "requestID": requestID, "userID": userID as Any, "projectID": projectID as Any, "roles": roles,
                "isAdmin": isAdmin as Any, "mqConnection": "\(mqConnection)",
            ])
    }
}
