package import SwitchboardCore

/// A message as it lies on the disk: headers that people read, an empty line, and the body as it goes over the wire.
///
/// Both layouts store the same bytes; see the article *The format on disk*.
package struct MessageFile: Sendable {
    package var message: Message
    /// The queue it was published to, in ``QueueName``'s encoded form.
    package var queue: String
    /// In milliseconds since 1970.
    package var published: UInt64

    package init(message: Message, queue: String, published: UInt64) {
        self.message = message
        self.queue = queue
        self.published = published
    }

    static let magic: StaticString = "Switchboard-Message: 1"

    /// Why bytes are no message.
    package struct Malformed: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        _ = append(to: &bytes)
        return bytes
    }

    /// How many bytes it has, or about that.
    var roughSize: Int { message.body.count + 320 + message.headers.count * 96 }

    /// Writes the message behind what `bytes` hold already.
    ///
    /// - Returns: the checksum of all that was written.
    func append(to bytes: inout [UInt8]) -> UInt32 {
        let start = bytes.count
        bytes.reserveCapacity(start + roughSize)
        bytes.append(text: Self.magic)
        bytes.append(text: "\nQueue: ")
        Self.escape(queue, to: &bytes)
        bytes.append(text: "\nPublished: ")
        bytes.append { Timestamp(milliseconds: published).write(to: &$0) }
        if let life = message.timeToLive {
            bytes.append(text: "\nTime-To-Live: ")
            bytes.append { $0.write(UInt64(max(0, life.wholeMilliseconds)), radix: 10) }
            bytes.append(text: " ms")
        }
        bytes.append(text: "\nContent-Type: ")
        Self.escape(message.contentType, to: &bytes)
        bytes.append(text: "\nContent-Encoding: ")
        Self.escape(message.contentEncoding, to: &bytes)
        for (name, value) in message.headers.isEmpty ? [] : message.headers.sorted(by: { $0.key < $1.key }) {
            bytes.append(text: "\nHeader-")
            Self.escape(name, colon: true, to: &bytes)
            bytes.append(text: ": ")
            Self.escape(value, to: &bytes)
        }
        bytes.append(text: "\nContent-Length: ")
        bytes.append { $0.write(UInt64(message.body.count), radix: 10) }
        bytes.append(text: "\n")
        var crc = CRC32C()
        crc.update(bytes[start...])
        // The body has a checksum once, whatever it follows.
        let body = (checksum: CRC32C.of(message.body), length: CRC32CLength(message.body.count))
        var whole = crc
        crc.append(body.checksum, body.length)
        let line = bytes.count
        bytes.append(text: "Checksum: crc32c ")
        bytes.append { $0.write(UInt64(crc.value), radix: 16, width: 8) }
        bytes.append(text: "\n\n")
        whole.update(bytes[line...])
        whole.append(body.checksum, body.length)
        bytes += message.body
        return whole.value
    }

    package init(decoding bytes: [UInt8]) throws(Malformed) {
        let decoded = bytes.withUnsafeBytes { buffer in
            Result { () throws(Malformed) in try MessageFile(decoding: buffer) }
        }
        self = try decoded.get()
    }

    private init(decoding bytes: UnsafeRawBufferPointer) throws(Malformed) {
        self.init(message: Message(body: [], contentType: "", contentEncoding: ""), queue: "", published: 0)
        var length: Int?
        var position = 0
        while true {
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
                throw Malformed("The headers do not end: the file was cut short or is no message.")
            }
            let line = UnsafeRawBufferPointer(rebasing: bytes[position..<end])
            if position == 0, !Self.magic.withUTF8Buffer({ line.elementsEqual($0) }) {
                throw Malformed("The first line is not \"\(Self.magic)\".")
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), line[colon...].starts(with: ": ".utf8) else {
                throw Malformed("A header line has no \": \".")
            }
            guard let name = String(validating: line[..<colon], as: UTF8.self) else {
                throw Malformed("A header is not UTF-8.")
            }
            guard let value = Self.unescape(line[(colon + 2)...]) else {
                throw Malformed("The header \(name) has a bad escape or is not UTF-8.")
            }
            switch name {
            case "Queue": queue = value
            case "Published": published = Timestamp(value)?.milliseconds ?? 0
            case "Time-To-Live":
                guard value.hasSuffix(" ms"), let life = Int64(value.dropLast(3)), life >= 0 else {
                    throw Malformed("The Time-To-Live is not a number of milliseconds.")
                }
                message.timeToLive = .milliseconds(min(life, 1 << 52))
            case "Content-Type": message.contentType = value
            case "Content-Encoding": message.contentEncoding = value
            case "Content-Length":
                guard let number = Int(value), number >= 0 else { throw Malformed("The Content-Length is no number.") }
                length = number
            case "Checksum":
                message.body = Array(
                    try Self.body(of: bytes, head: position, line: end, length: length, checksum: value))
                return
            default:
                if name.hasPrefix("Header-"), let key = Self.unescape(name.utf8.dropFirst("Header-".count)) {
                    message.headers[key] = value
                }
            }
            position = end + 1
        }
    }

    /// How many of the bytes that begin with a message are it, as its headers say. `nil` when they are not all there.
    static func length(of bytes: ArraySlice<UInt8>) -> Int? {
        var position = bytes.startIndex
        var length: Int?
        while let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[position..<end]
            if line.isEmpty {
                guard let length, length >= 0, length <= bytes.endIndex - end - 1 else { return nil }
                return end + 1 - bytes.startIndex + length
            }
            if line.starts(with: "Content-Length: ".utf8) {
                length = Int(String(decoding: line.dropFirst("Content-Length: ".utf8.count), as: UTF8.self))
            }
            position = end + 1
        }
        return nil
    }

    private static func body(
        of bytes: UnsafeRawBufferPointer, head: Int, line end: Int, length: Int?, checksum: String
    ) throws(Malformed) -> UnsafeRawBufferPointer {
        guard let length else { throw Malformed("There is no Content-Length before the Checksum.") }
        guard end + 1 < bytes.count, bytes[end + 1] == UInt8(ascii: "\n") else {
            throw Malformed("There is no empty line after the Checksum.")
        }
        let body = UnsafeRawBufferPointer(rebasing: bytes[(end + 2)...])
        guard body.count == length else {
            throw Malformed("The body has \(body.count) bytes and its Content-Length says \(length).")
        }
        var crc = CRC32C()
        crc.update(UnsafeRawBufferPointer(rebasing: bytes[..<head]))
        crc.update(body)
        guard checksum == "crc32c \(hexadecimal(UInt64(crc.value), 8))" else {
            throw Malformed("The checksum does not match: the file was damaged or edited.")
        }
        return body
    }

    /// Keeps a value on one line: control bytes and `%` become `%` and two hexadecimal digits.
    private static func escape(_ text: String, colon: Bool = false, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { text in
            var start = 0
            for index in text.indices {
                let byte = text[index]
                guard
                    byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "%") || (colon && byte == UInt8(ascii: ":"))
                else { continue }
                bytes.append(contentsOf: text[start..<index])
                bytes.append(text: "%")
                bytes.append { $0.write(UInt64(byte), radix: 16, width: 2) }
                start = index + 1
            }
            bytes.append(contentsOf: text[start...])
        }
    }

    private static func unescape(_ text: some Collection<UInt8>) -> String? {
        guard text.contains(UInt8(ascii: "%")) else { return String(validating: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digitValue), let low = rest.popFirst().flatMap(digitValue)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
