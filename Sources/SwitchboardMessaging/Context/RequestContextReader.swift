import SwitchboardCore

/// Reads a request's context from its message, member by member, with no object in between.
///
/// Takes what nearly always comes: Nova's keys once each, with values of the right types, and a few others.
/// Throws on anything else, also where nothing is wrong with it: ``RequestContext/init(wireObject:)`` knows all rules, and
/// gives the same result for what is taken here.
struct RequestContextReader: ~Copyable {
    private static let additionalLimit = 16

    private static var noFields: RequestContext.Fields {
        RequestContext.Fields(requestID: "", timestamp: WireTimestamp(microseconds: 0))
    }

    private var fields = Self.noFields
    /// One bit for each of Nova's keys, by its place.
    private var seenKeys: UInt32 = 0
    private let keys = RequestContext.keys
    private var hasRequestID = false
    private var hasTimestamp = false

    /// What was read.
    mutating func takeContext() -> RequestContext {
        if !hasRequestID { fields.requestID = "req-" + UniqueID.makeUUID() }
        if !hasTimestamp { fields.timestamp = .now() }
        // Copying them would count references to each.
        return RequestContext(exchange(&fields, with: Self.noFields))
    }

    /// Reads the value of one of Nova's keys, by the key's place among ``RequestContext/wireNames``.
    mutating func read(_ place: Int, from reader: inout JSONReader) throws(JSONError) {
        let bit = UInt32(1) << UInt32(place)
        guard seenKeys & bit == 0 else { throw reader.error("a key of the context comes twice") }
        seenKeys |= bit
        // What most of them are, and what nearly all fields are to begin with.
        if reader.skipNull() {
            if keys[place] == .isAdmin { fields.isAdmin = nil }
            return
        }
        switch keys[place] {
        case .requestId:
            fields.requestID = try string(&reader)
            hasRequestID = true
        case .userId: fields.userID = try string(&reader)
        case .projectId: fields.projectID = try string(&reader)
        case .domain: fields.domainID = try string(&reader)
        case .userDomain: fields.userDomainID = try string(&reader)
        case .projectDomain: fields.projectDomainID = try string(&reader)
        case .systemScope: fields.systemScope = try string(&reader)
        case .authToken: fields.authToken = Secret(try string(&reader))
        case .userName: fields.userName = try string(&reader)
        case .projectName: fields.projectName = try string(&reader)
        case .globalRequestId: fields.globalRequestID = try string(&reader)
        case .resourceUuid: fields.resourceUUID = try string(&reader)
        case .remoteAddress: fields.remoteAddress = try string(&reader)
        case .quotaClass: fields.quotaClass = try string(&reader)
        case .isAdmin: fields.isAdmin = try bool(&reader)
        case .isAdminProject: fields.isAdminProject = try bool(&reader)
        case .readOnly: fields.readOnly = try bool(&reader)
        case .showDeleted: fields.showDeleted = try bool(&reader)
        case .roles:
            for role in try array(&reader) {
                guard case .string(let name) = role else { throw reader.error("a role is not a string") }
                fields.roles.append(name)
            }
        case .serviceCatalog: fields.serviceCatalog = try array(&reader)
        case .readDeleted:
            guard let known = RequestContext.ReadDeleted(rawValue: try string(&reader)) else {
                throw reader.error("read_deleted is not known")
            }
            fields.readDeleted = known
        case .timestamp:
            guard let moment = reader.plainString({ WireTimestamp(utf8: $0) }) ?? nil else {
                throw reader.error("a time is expected")
            }
            fields.timestamp = moment
            hasTimestamp = true
        // Of no interest, whatever they are; mostly short texts, of which no string is made.
        case .user, .project, .userIdentity:
            if reader.plainString({ _ in }) == nil { _ = try reader.value() }
        }
    }

    /// Takes the value of a key that isn't Nova's.
    mutating func add(_ key: String, _ value: JSONValue, _ reader: borrowing JSONReader) throws(JSONError) {
        guard fields.additional.count < Self.additionalLimit, fields.additional.place(of: key) == nil else {
            throw reader.error("the context has many additional keys, or one of them twice")
        }
        fields.additional.append(key: key, value: value)
    }

    private func string(_ reader: inout JSONReader) throws(JSONError) -> String {
        guard reader.nextIsString() else { throw reader.error("a string is expected") }
        return try reader.string()
    }

    private func bool(_ reader: inout JSONReader) throws(JSONError) -> Bool {
        guard let value = reader.bool() else { throw reader.error("true or false is expected") }
        return value
    }

    private func array(_ reader: inout JSONReader) throws(JSONError) -> [JSONValue] {
        guard case .array(let elements) = try reader.value() else { throw reader.error("an array is expected") }
        return elements
    }
}
