import SwitchboardCore

/// How a notification is laid out in a message.
public enum NotificationFormat: Sendable, Hashable {
    /// Without an envelope: oslo.messaging's driver `messaging`.
    case v1
    /// In the envelope of all other messages: oslo.messaging's driver `messagingv2`.
    case v2
}

/// A notification as it crosses the wire (oslo-wire.md §3.5, §7.1). Everything is kept as it came, so that writing it
/// again gives the same bytes.
struct OsloNotification: Sendable, Hashable {
    /// The message's own keys, in the order in which they nearly always come.
    private enum Key: Int, CaseIterable {
        case messageID, publisherID, eventType, priority, payload, timestamp, uniqueID

        var name: String {
            switch self {
            case .messageID: "message_id"
            case .publisherID: "publisher_id"
            case .eventType: "event_type"
            case .priority: "priority"
            case .payload: "payload"
            case .timestamp: "timestamp"
            case .uniqueID: "_unique_id"
            }
        }
    }

    private static let names = ExpectedNames(prefix: "", Key.allCases.map(\.name))
    private static let places = Dictionary(uniqueKeysWithValues: Key.allCases.map { ($0.name, $0) })

    var messageID: JSONValue?
    var publisherID: JSONValue?
    var eventType: JSONValue?
    var priority: JSONValue?
    var payload: JSONValue?
    var timestamp: JSONValue?
    /// Differs for every message that is not sent again.
    var uniqueID: JSONValue?
    /// The keys of the context, without their prefix.
    var context: JSONObject = [:]
    /// The same as it is written in an envelope, where that is known.
    var writtenContext: [UInt8]?
    var format: NotificationFormat

    init(_ event: NotificationEvent, format: NotificationFormat) {
        messageID = event.id.map(JSONValue.string) ?? .null
        publisherID = event.publisherID.map(JSONValue.string) ?? .null
        eventType = event.eventType.map(JSONValue.string) ?? .null
        priority = .string(event.priority.wireName)
        payload = event.payload
        timestamp = event.timestampText.map(JSONValue.string) ?? .null
        uniqueID = .string(UniqueID.make())
        context = event.context
        writtenContext = event.writtenContext
        self.format = format
    }

    // Borrowed, as copies of so large a value count many references.
    borrowing func message() -> Message {
        switch format {
        case .v2:
            // A closure that has the value itself in it would be another copy, in each function that it passes.
            return withUnsafePointer(to: self) { notification in
                OsloEnvelope.seal { notification.pointee.write(to: &$0) }
            }
        case .v1:
            var writer = JSONWriter()
            writer.beginObject()
            write(to: &writer)
            writer.endObject()
            return Message(body: writer.bytes)
        }
    }

    private borrowing func write(to writer: inout JSONWriter) {
        var isFirst = true
        let names = Self.names
        func write(_ key: Key, _ value: JSONValue?, to writer: inout JSONWriter) {
            guard let value else { return }
            writer.key(key.rawValue, of: names, isFirst: &isFirst)
            writer.write(value)
        }
        write(.messageID, messageID, to: &writer)
        write(.publisherID, publisherID, to: &writer)
        write(.eventType, eventType, to: &writer)
        write(.priority, priority, to: &writer)
        write(.payload, payload, to: &writer)
        write(.timestamp, timestamp, to: &writer)
        write(.uniqueID, uniqueID, to: &writer)
        if format == .v2, let writtenContext {
            writer.writeNested(writtenContext)
        } else {
            writer.write(membersOf: context, expecting: RequestContext.wireNames, isFirst: &isFirst)
        }
    }

    private init(_ format: NotificationFormat) {
        self.format = format
    }

    init(_ message: Message) throws(WireError) {
        self.init(.v2)
        if readUsual(message) { return }
        self = OsloNotification(.v1)
        var context = JSONObjectBuilder(capacity: 25)
        let isEnveloped = try OsloEnvelope.members(
            of: message, expecting: RequestContext.wireNames, asCame: true,
            restart: {
                self = OsloNotification(.v1)
                context = JSONObjectBuilder(capacity: 25)
            }
        ) { name, value in
            if name.isCut {
                if !OsloRequest.isForeign(name) { context.set(name, value) }
            } else if let key = Self.places[name.text] {
                set(key, value)
            }
        }
        if isEnveloped { format = .v2 }
        self.context = context.object
    }

    private enum Name {
        case own(Key)
        case context(Int)
        /// One of the context that isn't expected; what it is called is told apart, as this is copied often.
        case additional
        case unknown
    }

    /// Reads a message that is as nearly all are, with the same result. Returns `false` where it is another, or wrong.
    private mutating func readUsual(_ message: Message) -> Bool {
        let (own, ofContext) = (Self.names, RequestContext.wireNames)
        var context = JSONObjectBuilder(capacity: 25)
        var (next, nextOfContext, additional) = (0, 0, "")
        let isUsual = own.withNestedMembers { ownMembers in
            ofContext.withNestedMembers { contextMembers in
                OsloEnvelope.usualMembers(of: message) { reader in
                    if let place = reader.expectedMember(contextMembers, &nextOfContext) { return Name.context(place) }
                    return reader.expectedMember(ownMembers, &next).flatMap(Key.init).map(Name.own)
                } named: { reader throws(JSONError) in
                    if let place = reader.expectedName(own, &next), let key = Key(rawValue: place) {
                        return .own(key)
                    }
                    let name = try reader.name(expecting: ofContext, &nextOfContext)
                    if name.isCut {
                        if let place = name.expected { return .context(place) }
                        additional = name.text
                        return OsloRequest.isForeign(name) ? .unknown : .additional
                    }
                    return Self.places[name.text].map(Name.own) ?? .unknown
                } _: { reader, name throws(JSONError) in
                    let value = try reader.value()
                    switch name {
                    case .own(let key): set(key, value)
                    case .context(let place):
                        context.set(MemberName(text: ofContext.names[place], isCut: true, expected: place), value)
                    case .additional: context.set(additional, value)
                    case .unknown: break
                    }
                }
            }
        }
        self.context = context.object
        return isUsual
    }

    private mutating func set(_ key: Key, _ value: consuming JSONValue) {
        switch key {
        case .messageID: messageID = value
        case .publisherID: publisherID = value
        case .eventType: eventType = value
        case .priority: priority = value
        case .payload: payload = value
        case .timestamp: timestamp = value
        case .uniqueID: uniqueID = value
        }
    }

    /// The notification, with kombu's typed values made plain where the body had no envelope.
    func event(isRedelivered: Bool = false) throws(WireError) -> NotificationEvent {
        guard let name = priority?.string, let level = NotificationPriority(wireName: name) else {
            throw WireError(
                "The priority \(priority.map { "\($0)" } ?? "(none)") is none of "
                    + NotificationPriority.allCases.map(\.wireName).joined(separator: ", ") + ".")
        }
        var payload = payload ?? .null
        var context = context
        if format == .v1 {
            payload = try KombuTypes.plain(payload)
            if case .object(let object) = try KombuTypes.plain(.object(context)) { context = object }
        }
        return NotificationEvent(
            .init(
                id: try text(messageID), publisherID: try text(publisherID), eventType: try text(eventType),
                priority: level, payload: payload, timestampText: try text(timestamp), context: context,
                isRedelivered: isRedelivered))
    }

    private func text(_ value: JSONValue?) throws(WireError) -> String? {
        switch value {
        case nil, .null?: return nil
        case .string(let text)?: return text
        case let value?:
            let plain = format == .v1 ? try KombuTypes.plain(value) : value
            return plain.string ?? "\(plain)"
        }
    }
}
