import SwitchboardCore

/// Reads a request that is as nearly all are, member by member, and its context at once.
///
/// Takes nothing else, also where nothing is wrong with it: ``OsloRequest/init(_:)`` reads any request, and gives the same
/// result for what is taken here.
struct UsualRequestReader: ~Copyable {
    private var fields = OsloRequest.Fields()
    private var context = RequestContextReader()
    private var next = 0
    private var nextOfContext = 0
    /// What the last member is called that isn't expected: apart from ``Name``, which is copied often.
    private var additional = ""

    private enum Name {
        case own(OsloRequest.Key)
        case context(Int)
        case deadline
        case additional
        case unknown

        @inline(__always)
        init(ofContext place: Int) {
            self = place == RequestContext.Key.allCases.count ? .deadline : .context(place)
        }
    }

    /// Returns `false` where it doesn't take a message.
    mutating func read(_ message: Message) -> Bool {
        let (own, ofContext) = (OsloRequest.names, OsloRequest.contextNames)
        return own.withNestedMembers { ownMembers in
            ofContext.withNestedMembers { contextMembers in
                OsloEnvelope.usualMembers(of: message) { reader in
                    if let place = reader.expectedMember(contextMembers, &nextOfContext) {
                        return Name(ofContext: place)
                    }
                    guard let place = reader.expectedMember(ownMembers, &next) else { return nil }
                    return OsloRequest.Key(rawValue: place).map(Name.own)
                } named: { reader throws(JSONError) in
                    // Names of the context first: the others lack its prefix, which rules them out at once.
                    if let place = reader.expectedName(ofContext, &nextOfContext) { return Name(ofContext: place) }
                    if let place = reader.expectedName(own, &next), let key = OsloRequest.Key(rawValue: place) {
                        return .own(key)
                    }
                    return try otherName(&reader)
                } _: { reader, name throws(JSONError) in
                    switch name {
                    case .own(.messageID): fields.callID = try reader.id()
                    case .own(.uniqueID): fields.setSendingID(try reader.id())
                    case .own(let key): fields.set(key, try reader.value())
                    case .context(let place): try context.read(place, from: &reader)
                    case .deadline: fields.deadline = try reader.value()
                    case .additional: try context.add(additional, try reader.value(), reader)
                    case .unknown: _ = try reader.value()
                    }
                }
            }
        }
    }

    /// What was read.
    mutating func takeRequest() -> OsloRequest {
        // Copying them would count references to each.
        OsloRequest(exchange(&fields, with: OsloRequest.Fields()), receivedContext: context.takeContext())
    }

    /// A name that isn't expected, or is written with escapes.
    private mutating func otherName(_ reader: inout JSONReader) throws(JSONError) -> Name {
        var next = 0
        let name = try reader.name(expecting: RequestContext.wireNames, &next)
        guard name.isCut else { return OsloRequest.places[name.text].map(Name.own) ?? .unknown }
        if let place = RequestContext.places[name.text] { return .context(place) }
        if name.text == RPCDeadline.key { return .deadline }
        if OsloRequest.isForeign(name) { return .unknown }
        additional = name.text
        return .additional
    }
}
