#if RabbitMQ
/// How deep tables and arrays lie in each other. librabbitmq recurses into them, so it must not be given any depth.
enum FieldNesting {
    /// Much deeper than anything that a broker or a client writes, far from what a thread's stack holds.
    static let limit = 64

    /// Whether an encoded table, which begins with its length, is nested deeper than ``limit``. Reads as librabbitmq does, so
    /// that it finds every level that librabbitmq would come to; what is malformed is left to it.
    static func isTooDeep(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        /// Where the open ones end.
        var open: [(end: Int, isTable: Bool)] = []

        func length() -> Int? {
            guard position + 4 <= bytes.count else { return nil }
            defer { position += 4 }
            return Int(bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self).bigEndian)
        }

        guard let first = length() else { return false }
        open.append((position + first, true))
        while let last = open.last {
            guard position < last.end else {
                open.removeLast()
                continue
            }
            if last.isTable {
                guard position < bytes.count else { return false }
                position += 1 + Int(bytes[position])
            }
            guard position < bytes.count else { return false }
            let kind = bytes[position]
            position += 1
            switch kind {
            case UInt8(ascii: "F"), UInt8(ascii: "A"):
                guard let length = length() else { return false }
                guard open.count < limit else { return true }
                open.append((position + length, kind == UInt8(ascii: "F")))
            case UInt8(ascii: "S"), UInt8(ascii: "x"):
                guard let length = length() else { return false }
                position += length
            default:
                guard let width = width(of: kind) else { return false }
                position += width
            }
        }
        return false
    }

    /// Bytes of a value with a fixed length, by its type letter.
    private static func width(of kind: UInt8) -> Int? {
        switch UnicodeScalar(kind) {
        case "V": 0
        case "t", "b", "B": 1
        case "s", "u": 2
        case "I", "i", "f": 4
        case "D": 5
        case "l", "L", "d", "T": 8
        default: nil
        }
    }
}
#endif
