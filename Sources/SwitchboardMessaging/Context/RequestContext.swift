public import SwitchboardCore

/// Who asks, on whose behalf, and through which message queue: Nova's request context.
///
/// A value: passing it on is copying it. What travels are Nova's 25 wire keys (nova-cells.md §1.1) and the keys of
/// ``additional``; ``mqConnection`` never travels, and decoding never targets.
public struct RequestContext: Sendable {
    /// Which rows of the database the request sees.
    public enum ReadDeleted: String, Sendable, Hashable {
        case no, yes, only
    }

    // MARK: Who asks

    public var authToken: Secret?
    public var userID: String?
    public var userName: String?
    public var projectID: String?
    public var projectName: String?
    public var domainID: String?
    public var userDomainID: String?
    public var projectDomainID: String?
    public var systemScope: String?
    public var roles: [String] = []
    /// `nil` lets the receiver ask its own policy.
    public var isAdmin: Bool? = false
    public var isAdminProject = true
    /// The caller's network address.
    public var remoteAddress: String?
    public var quotaClass: String?
    /// The entries of the service catalogue that the sender passes on.
    public var serviceCatalog: [JSONValue] = []

    // MARK: What is asked

    /// `req-` and a UUID; the same on every hop of a request.
    public var requestID: String
    public var globalRequestID: String?
    public var resourceUUID: String?
    public var timestamp: WireTimestamp
    public var readOnly = false
    public var showDeleted = false
    public var readDeleted: ReadDeleted = .no

    /// Keys of the wire that are not Nova's, kept and sent on as they came.
    public var additional = JSONObject()

    // MARK: Where it goes

    /// The message queue that RPC with this context goes through.
    public var mqConnection: MQConnection = .own

    public init(
        userID: String? = nil,
        projectID: String? = nil,
        roles: [String] = [],
        isAdmin: Bool? = false,
        requestID: String? = nil
    ) {
        self.userID = userID
        self.projectID = projectID
        self.roles = roles
        self.isAdmin = isAdmin
        self.requestID = requestID ?? "req-" + UniqueID.makeUUID()
        self.timestamp = .now()
    }

    /// A context of no user, with an administrator's rights: what services use for work of their own.
    public static func admin() -> RequestContext {
        RequestContext(isAdmin: true)
    }

    /// A copy with an administrator's rights. It keeps the request's id and its message queue.
    public func elevated(readDeleted: ReadDeleted? = nil) -> RequestContext {
        var copy = self
        copy.isAdmin = true
        if !copy.roles.contains(where: { $0.lowercased() == "admin" }) {
            copy.roles.append("admin")
        }
        if let readDeleted {
            copy.readDeleted = readDeleted
        }
        return copy
    }
}

extension RequestContext: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The request, its user, project and queue; never the token or the catalogue.
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
