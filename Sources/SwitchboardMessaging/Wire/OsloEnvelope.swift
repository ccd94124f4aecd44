import SwitchboardCore

/// Why a message is not one of oslo.messaging's. Nobody can be answered; the message is rejected.
public struct WireError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ reason: String) {
        description = reason
    }
}

/// The envelope of format 2.0: `{"oslo.version": "2.0", "oslo.message": "<JSON text>"}` (oslo-wire.md §3.2).
enum OsloEnvelope {
    /// How an envelope begins and ends that Python wrote, or we.
    static let opening: StaticString = #"{"oslo.version": "2.0", "oslo.message": ""#
    private static let closing: StaticString = #""}"#

    /// How deep a value may be nested inside a message, so that our readers take it: they count the message around it too.
    static let maximumDepth = JSONReader.maximumDepth - 8

    private static let versionKey = "oslo.version"
    private static let messageKey = "oslo.message"

    /// A message whose body is the enveloped object that `body` writes the members of.
    static func seal(_ body: (inout JSONWriter) -> Void) -> Message {
        Message(
            body: JSONWriter.bytes { writer in
                writer.write(
                    opening,
                    nesting: { writer in
                        writer.beginObject()
                        body(&writer)
                        writer.endObject()
                    }, closing)
            })
    }

    /// What a message holds.
    enum Content {
        /// The JSON text that was in an envelope.
        case text([UInt8])
        /// The object that is the body itself (format 1.0), as it came.
        case object(JSONObject)
    }

    /// Reads the members of the object inside a message, one after another. A body without the two keys of the envelope is
    /// the object itself, with kombu's typed values made plain, or with `asCame` as they are. From names that begin with
    /// the prefix of the expected ones it is cut. Returns whether there was an envelope.
    ///
    /// - Parameter restart: forgets the members so far; all of them come again.
    @discardableResult
    @inline(__always)
    static func members(
        of message: Message, expecting expected: ExpectedNames? = nil, asCame: Bool = false, restart: () -> Void,
        _ body: (_ name: MemberName, _ value: JSONValue) -> Void
    ) throws(WireError) -> Bool {
        if isPlain(message) {
            do throws(JSONError) {
                try JSONReader.withReader(of: message.body) { reader throws(JSONError) in
                    try reader.nested(after: opening, before: closing) { reader throws(JSONError) in
                        try reader.members(expecting: expected) { reader, name throws(JSONError) in
                            body(name, try reader.value())
                        }
                    }
                }
                return true
            } catch {
                restart()
            }
        }
        // It is wrong somewhere, or written in another way.
        switch try content(of: message) {
        case .text(let text):
            do throws(JSONError) {
                try JSONReader.withReader(of: text) { reader throws(JSONError) in
                    try reader.members(expecting: expected) { reader, name throws(JSONError) in
                        body(name, try reader.value())
                    }
                    try reader.end()
                }
            } catch {
                throw WireError("The envelope's message is no JSON object: it is \(error).")
            }
            return true
        case .object(let object):
            let prefix = expected.map { "\($0.prefix)" } ?? ""
            guard case .object(let plain) = asCame ? .object(object) : try KombuTypes.plain(.object(object)) else {
                throw WireError("The body is one of kombu's typed values, and no message.")
            }
            for (key, value) in plain {
                let isCut = !prefix.isEmpty && key.hasPrefix(prefix)
                let text = isCut ? String(key.dropFirst(prefix.count)) : key
                body(MemberName(text: text, isCut: isCut, expected: nil), value)
            }
            return false
        }
    }

    /// Reads the members of the object inside a message that is what nearly all are, as ``members(of:expecting:asCame:restart:_:)``
    /// does, by a function that reads the values itself.
    ///
    /// - Parameter following: see ``JSONReader/members(following:named:_:)``.
    /// - Returns: `false` where the message is another, or wrong, or `body` throws: read it in that way then.
    @inline(__always)
    static func usualMembers<Name>(
        of message: Message, following: (inout JSONReader) -> Name?,
        named name: (inout JSONReader) throws(JSONError) -> Name,
        _ body: (inout JSONReader, Name) throws(JSONError) -> Void
    ) -> Bool {
        guard isPlain(message) else { return false }
        do throws(JSONError) {
            try JSONReader.withReader(of: message.body) { reader throws(JSONError) in
                try reader.nested(after: opening, before: closing) { reader throws(JSONError) in
                    try reader.members(following: following, named: name, body)
                }
            }
            return true
        } catch {
            return false
        }
    }

    /// Whether a message is what nearly all are: JSON in UTF-8, not compressed.
    private static func isPlain(_ message: Message) -> Bool {
        message.contentType == "application/json" && message.contentEncoding == "utf-8"
            && (message.headers.isEmpty || message.headers["compression"] == nil)
    }

    /// The object inside a message, with kombu's typed values made plain.
    static func open(_ message: Message) throws(WireError) -> JSONObject {
        var builder = JSONObjectBuilder()
        try members(of: message, restart: { builder = JSONObjectBuilder() }) { builder.set($0, $1) }
        return builder.object
    }

    /// The object inside a message, as it came, and whether it came in an envelope.
    static func read(_ message: Message) throws(WireError) -> (object: JSONObject, isEnveloped: Bool) {
        var builder = JSONObjectBuilder()
        let isEnveloped = try members(of: message, asCame: true, restart: { builder = JSONObjectBuilder() }) {
            builder.set($0, $1)
        }
        return (builder.object, isEnveloped)
    }

    private static func content(of message: Message) throws(WireError) -> Content {
        guard message.contentType == "application/json" else {
            throw WireError("The content type is \"\(message.contentType)\" and not application/json.")
        }
        var body = message.body
        if let name = message.headers["compression"] {
            if zlibNames.contains(name) {
                body = try Inflate.zlib(body)
            } else if otherCompressions.contains(name) {
                throw WireError(
                    "The body is compressed by \(name), which is not read here; set the sender's kombu_compression to gzip, "
                        + "or take it out of its configuration.")
            }
        }
        let encoding = message.contentEncoding
        if encoding != "utf-8", latinNames.contains(encoding.lowercased()) { body = utf8(ofLatin: body) }

        var version: JSONValue?
        var inner: [UInt8]?
        var isText = true
        do throws(JSONError) {
            try JSONReader.withReader(of: body) { reader throws(JSONError) in
                try reader.members { reader, key throws(JSONError) in
                    if key == messageKey, reader.nextIsString() {
                        inner = try reader.stringBytes()
                        isText = true
                        return
                    }
                    let value = try reader.value()
                    if key == versionKey { version = value }
                    if key == messageKey {
                        inner = []
                        isText = false
                    }
                }
                try reader.end()
            }
            // Read once more as a whole: setting member by member would take the square of their number.
            if version == nil || inner == nil, case .object(let object) = try JSONReader.read(body) {
                return .object(object)
            }
        } catch {
            throw WireError("The body is \(error).")
        }
        guard let version, let inner else { throw WireError("The body is no JSON object.") }
        guard version == "2.0" || version == "2.0.0" else {
            throw WireError("The envelope's version \(version) is not 2.0.")
        }
        guard isText else { throw WireError("The envelope's message is not JSON text inside a string.") }
        return .text(inner)
    }

    /// The names under which kombu registers its one zlib compression (oslo-wire.md §3.5).
    private static let zlibNames: Set<String> = ["application/x-gzip", "gzip", "zlib"]

    /// The names of kombu's other compressions; any name that is none it ignores.
    private static let otherCompressions: Set<String> = [
        "application/x-bz2", "bzip2", "bzip", "application/x-lzma", "lzma", "xz", "application/x-brotli", "brotli",
        "application/zstd", "zstd", "zstandard",
    ]

    private static let latinNames: Set<String> = ["latin-1", "latin1", "latin_1", "iso-8859-1", "iso8859-1", "l1"]

    private static func utf8(ofLatin body: [UInt8]) -> [UInt8] {
        body.flatMap { $0 < 0x80 ? [$0] : [0xC0 | $0 >> 6, 0x80 | $0 & 0x3F] }
    }
}
