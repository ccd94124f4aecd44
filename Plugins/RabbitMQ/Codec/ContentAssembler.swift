#if RabbitMQ
/// Puts a message together from its frames: method, header, body in any number of pieces. No I/O.
///
/// A message with a ``ContentDefect`` comes out too, without a body: its bytes are counted and let go.
struct ContentAssembler<Method> {
    struct Content {
        var method: Method
        var header: ContentHeader
        /// Empty where the header has a defect.
        var body: [UInt8]
    }

    private var method: Method?
    private var header: ContentHeader?
    private var body: [UInt8] = []
    private var missing: UInt64 = 0

    /// A length that the peer only announces reserves no more than this.
    private static var trustedLength: UInt64 { 1024 * 1024 }

    mutating func began(_ method: Method) throws(ProtocolViolation) {
        guard self.method == nil else { throw ProtocolViolation("a message began inside another one") }
        self.method = method
    }

    /// The message, when it has no body.
    mutating func received(
        _ header: ContentHeader, limit: Int
    ) throws(ProtocolViolation) -> Content? {
        guard let method, self.header == nil else {
            throw ProtocolViolation("a content header came without its method")
        }
        var header = header
        if header.defect == nil, header.bodySize > UInt64(limit) {
            header.defect = .bodyTooLarge(bytes: header.bodySize, limit: limit)
        }
        if header.bodySize == 0 {
            self.method = nil
            return Content(method: method, header: header, body: [])
        }
        missing = header.bodySize
        self.header = header
        return nil
    }

    /// The message, when this was its last piece.
    mutating func received(_ piece: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Content? {
        guard let method, let header else { throw ProtocolViolation("a body came without its header") }
        guard UInt64(piece.count) <= missing else {
            throw ProtocolViolation("a body is longer than its header says")
        }
        missing -= UInt64(piece.count)
        if header.defect == nil {
            if body.isEmpty, missing == 0 {
                body = [UInt8](piece)
            } else {
                if body.isEmpty { body.reserveCapacity(Int(min(header.bodySize, Self.trustedLength))) }
                body.append(contentsOf: piece)
            }
        }
        guard missing == 0 else { return nil }
        defer { self = ContentAssembler() }
        return Content(method: method, header: header, body: body)
    }
}
#endif
