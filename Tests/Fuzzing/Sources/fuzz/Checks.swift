@testable import SwitchboardCore
@testable import SwitchboardMessaging

// What does not hold ends the process: that is how libFuzzer is told of it.

/// Text of JSON: it is refused with a place inside of it, or read; what was read survives being written.
func checkJSON(_ bytes: [UInt8]) -> CInt {
    let value: JSONValue
    do throws(JSONError) {
        value = try JSONValue(parsing: bytes)
    } catch {
        precondition((0...bytes.count).contains(error.offset) && !error.reason.isEmpty)
        return 0
    }
    let text = value.serialized()
    guard let again = try? JSONValue(parsing: text) else { fatalError("What was written cannot be read.") }
    // As text, because a NaN is not equal to itself.
    precondition(again.serialized() == text)
    precondition(text.allSatisfy { (0x20...0x7E).contains($0) })
    checkEncoding(value)
    return 0
}

/// A JSON value as other types are encoded: by a container for each object, array and scalar.
private struct Encoded: Encodable {
    let value: JSONValue

    func encode(to encoder: any Encoder) throws {
        switch value {
        case .object(let object):
            var container = encoder.container(keyedBy: JSONKey.self)
            for (key, value) in object { try container.encode(Encoded(value: value), forKey: .name(key)) }
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(Encoded(value: element)) }
        case .string(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        case .null, .bool, .integer, .number, .double: try value.encode(to: encoder)
        }
    }
}

/// What is encoded as text at once is what a value in between is written as.
private func checkEncoding(_ value: JSONValue) {
    guard let written = JSONTextEncoder.nestedObject(Encoded(value: value)) else { return }
    guard case .object? = try? JSONValue(encoding: Encoded(value: value)) else {
        fatalError("What is no object was written.")
    }
    var writer = JSONWriter.nested()
    writer.write(value)
    let expected = writer.bytes
    precondition(written == expected)
}

/// The body of a message: it is refused with a reason, or read as a request and a reply. The first byte chooses the
/// message's properties.
func checkEnvelope(_ bytes: [UInt8]) -> CInt {
    var message = Message(body: Array(bytes.dropFirst()))
    switch bytes.first {
    case UInt8(ascii: "z")?: message.headers["compression"] = "gzip"
    case UInt8(ascii: "l")?: message.contentEncoding = "latin-1"
    default: break
    }
    checkReadingInPlace(message)
    checkReceiving(message)
    if let request = try? OsloRequest(message) {
        guard let again = try? OsloRequest(request.message()) else { fatalError("A request cannot be read again.") }
        precondition(again.message().body == request.message().body)
        _ = try? RPCRequestChecks.version(of: request) { $0 == 1 }
        _ = try? RPCRequestChecks.arguments(of: request)
        precondition(RPCKeepalive.interval(request.timeout).map { $0 >= .seconds(1) } ?? true)
        _ = RPCDeadline.moment(of: request.deadline, arrival: .now)
        if let context = try? RequestContext(wireObject: request.context) {
            _ = context.wireObject()
            _ = "\(context.timestamp)"
        }
        if let destination = RPCReply.Destination(request) {
            _ = RPCReply(request.rawMethod, to: destination).wire.message()
        }
    }
    if let reply = try? OsloReply(message) {
        guard let again = try? OsloReply(reply.message()) else { fatalError("A reply cannot be read again.") }
        precondition(again.message().body == reply.message().body)
        if let failure = reply.failure { _ = RPCError(failure) }
    }
    _ = try? OsloNotification(message).event()
    return 0
}

/// An envelope in Python's form is read in place; with a blank less it is not, and must be the same.
private func checkReadingInPlace(_ message: Message) {
    let opening = Array("\(OsloEnvelope.opening)".utf8)
    guard message.body.starts(with: opening) else { return }
    var other = message
    other.body = opening.filter { $0 != UInt8(ascii: " ") } + message.body.dropFirst(opening.count)
    precondition((try? OsloReply(message))?.message().body == (try? OsloReply(other))?.message().body)
    precondition((try? OsloNotification(message))?.message().body == (try? OsloNotification(other))?.message().body)
    let (quick, slow) = (try? OsloEnvelope.open(message), try? OsloEnvelope.open(other))
    precondition(quick.map { JSONValue.object($0).description } == slow.map { JSONValue.object($0).description })
}

/// A request that a server reads with its context at once is the same as one whose context is read afterwards.
private func checkReceiving(_ message: Message) {
    let (received, general) = (try? OsloRequest(receiving: message), try? OsloRequest(message))
    precondition((received == nil) == (general == nil))
    guard let received, let context = received.receivedContext, let general else { return }
    let object = general.context
    guard var expected = try? RequestContext(wireObject: object) else { fatalError("A wrong context was taken.") }
    // What is missing is made anew each time.
    if object["request_id"]?.string == nil { expected.requestID = context.requestID }
    if object["timestamp"]?.string == nil { expected.timestamp = context.timestamp }
    precondition(context.wireObject().description == expected.wireObject().description)
    var (one, other) = (received.fields, general.fields)
    (one.context, other.context) = ([:], [:])
    // As text, because a NaN is not equal to itself.
    precondition(OsloRequest(one).message().body == OsloRequest(other).message().body)
}

/// A transport URL: it is refused with a reason, or read; its text is the same URL.
func checkURL(_ bytes: [UInt8]) -> CInt {
    guard let url = try? TransportURL(String(decoding: bytes, as: UTF8.self)) else { return 0 }
    _ = "\(url)"
    let text = url.formatted(revealingSecrets: true)
    guard let again = try? TransportURL(text) else { fatalError("\(text) is no URL any more.") }
    precondition(again.formatted(revealingSecrets: true) == text)
    return 0
}
