/// What a distributed method's identifier says before Swift's runtime sees it. A peer sends it, and the runtime calls the
/// method of whichever type it names: on an actor of another type that is undefined behaviour. So only methods of the
/// actor's own type are accepted, and of those only what ``ProgramTargets`` has.
///
/// A client that calls through a `@Resolvable` protocol sends the method of the protocol's stub, `$Protocol`. What runs is
/// the actor's own method of the same signature: the runtime finds the one that the protocol requires, too, but the
/// optimizer may have changed how that is called (Swift 6.3 does, in release builds, for protocols that aren't public).
///
/// The mangling is that of Swift's stable ABI: `$s`, the type, the method's name, its signature, `F` for a function and
/// `TE` for a distributed thunk. A type is its module's name, then a name and a letter for each nominal type around it.
struct MangledTarget: Hashable, Sendable {
    /// The identifier of the actor's own method.
    let own: String
    /// Whether the client called through a protocol.
    let isThroughProtocol: Bool
    /// Whether the method is generic over types of its own.
    let isGeneric: Bool

    /// Longer identifiers are no method's that anybody has written.
    private static let longest = 1024

    /// - Parameter actor: the mangled name of the actor's type.
    init?(_ identifier: String, of actor: String) {
        let bytes = Array(identifier.utf8)
        guard bytes.count <= Self.longest, bytes.allSatisfy(Self.isPlain), identifier.hasPrefix("$s"),
            identifier.hasSuffix("FTE")
        else { return nil }
        isGeneric = identifier.hasSuffix("lFTE")
        var scanner = Scanner(bytes: bytes[2...])
        if scanner.skip(actor.utf8), scanner.skipMethodName() {
            own = identifier
            isThroughProtocol = false
            return
        }
        scanner = Scanner(bytes: bytes[2...])
        guard scanner.skipStub() else { return nil }
        own = "$s\(actor)" + String(decoding: scanner.bytes, as: UTF8.self)
        isThroughProtocol = true
        guard scanner.skipMethodName() else { return nil }
    }

    /// Without control characters, which the runtime takes for addresses.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "$"):
            true
        default: false
        }
    }

    private struct Scanner {
        var bytes: ArraySlice<UInt8>

        mutating func skip(_ prefix: String.UTF8View) -> Bool {
            guard bytes.starts(with: prefix) else { return false }
            bytes = bytes.dropFirst(prefix.count)
            return true
        }

        /// The name of a method, which nothing follows that would make it the name of a type, or of an extension that the
        /// method is in.
        mutating func skipMethodName() -> Bool {
            guard skipIdentifier() != nil else { return false }
            var later = self
            // A private method has a second name.
            if later.skipIdentifier() != nil, later.skip("LL".utf8) { self = later }
            guard let next = bytes.first else { return false }
            return !"CVOPaEL".utf8.contains(next)
        }

        /// A type whose name begins with `$`, as none does that anybody has written.
        mutating func skipStub() -> Bool {
            guard skipIdentifier() != nil else { return false }
            while let first = skipIdentifier() {
                guard let kind = bytes.popFirst() else { return false }
                if first == UInt8(ascii: "$") { return kind == UInt8(ascii: "C") }
                guard "CVO".utf8.contains(kind) else { return false }
            }
            return false
        }

        /// An identifier; returns its first character, or a letter where it begins with a word that came before.
        mutating func skipIdentifier() -> UInt8? {
            var rest = bytes
            guard let digit = rest.first, Self.isDigit(digit) else { return nil }
            var hasWords = false
            if digit == UInt8(ascii: "0") {
                rest.removeFirst()
                // Punycode begins so.
                guard rest.first != UInt8(ascii: "0") else { return nil }
                hasWords = true
            }
            var first: UInt8?
            repeat {
                while hasWords, let letter = rest.first, Self.isLetter(letter) {
                    rest.removeFirst()
                    first = first ?? letter
                    if letter < UInt8(ascii: "a") { hasWords = false }
                }
                if rest.first == UInt8(ascii: "0") {
                    rest.removeFirst()
                    break
                }
                guard let count = Self.natural(&rest), count > 0, count <= rest.count else { return nil }
                first = first ?? rest.first
                rest = rest.dropFirst(count)
            } while hasWords
            guard let first else { return nil }
            bytes = rest
            return first
        }

        private static func isDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }

        private static func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        }

        private static func natural(_ bytes: inout ArraySlice<UInt8>) -> Int? {
            var number: Int?
            while let byte = bytes.first, isDigit(byte) {
                bytes.removeFirst()
                number = (number ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
                guard let number, number <= longest else { return nil }
            }
            return number
        }
    }
}
