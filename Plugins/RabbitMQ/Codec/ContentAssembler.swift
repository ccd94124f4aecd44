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
    /// Whether the message has no defect, so that its body is kept.
    private var keepsBody = true

    /// A length that the peer only announces reserves no more than this.
    private static var trustedLength: UInt64 { 1024 * 1024 }

    mutating func began(_ method: Method) throws(ProtocolViolation) {
        guard self.method == nil else { throw ProtocolViolation("a message began inside another one") }
        self.method = method
    }

    /// The message, when it has no body.
    mutating func received(
        _ header: consuming ContentHeader, limit: Int
    ) throws(ProtocolViolation) -> Content? {
        guard method != nil, self.header == nil else {
            throw ProtocolViolation("a content header came without its method")
        }
        if header.defect == nil, header.bodySize > UInt64(limit) {
            header.defect = .bodyTooLarge(bytes: header.bodySize, limit: limit)
        }
        missing = header.bodySize
        keepsBody = header.defect == nil
        self.header = header
        return missing == 0 ? takeContent([]) : nil
    }

    /// The message, when this was its last piece.
    mutating func received(_ piece: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Content? {
        guard header != nil else { throw ProtocolViolation("a body came without its header") }
        guard UInt64(piece.count) <= missing else {
            throw ProtocolViolation("a body is longer than its header says")
        }
        missing -= UInt64(piece.count)
        if keepsBody {
            if body.isEmpty, missing == 0 { return takeContent([UInt8](piece)) }
            if body.isEmpty {
                body.reserveCapacity(Int(min(missing + UInt64(piece.count), Self.trustedLength)))
            }
            body.append(contentsOf: piece)
        }
        guard missing == 0 else { return nil }
        let whole = body
        body = []
        return takeContent(whole)
    }

    /// What has come whole. The parts are taken, not copied.
    private mutating func takeContent(_ body: [UInt8]) -> Content? {
        guard let method = method.take(), let header = header.take() else { return nil }
        return Content(method: method, header: header, body: body)
    }
}
#endif
