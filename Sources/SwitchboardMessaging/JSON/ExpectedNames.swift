/// The names that an object's members nearly always have, in the order in which they nearly always come.
///
/// A member that has one of them is read without making a string of its name, and written without escaping it.
final class ExpectedNames: Sendable {
    /// What comes before each of them on the wire.
    let prefix: StaticString
    let names: [String]

    private let prefixWords: Words
    private let words: [Words]
    /// Each as a member of a document within a document begins that is not its first: `, \"PREFIXNAME\": `.
    private let nested: [UInt8]
    /// Where they begin in `nested`, and where the last one ends.
    private let starts: [Int]

    /// The first bytes of a text, and which of them count.
    private struct Words: Sendable {
        static let size = 24

        var first, second, third: (bits: UInt64, mask: UInt64)
        let count: Int

        init(_ bytes: [UInt8]) {
            precondition(bytes.count <= Self.size, "An expected name is too long.")
            func word(_ start: Int) -> (bits: UInt64, mask: UInt64) {
                var (bits, mask): (UInt64, UInt64) = (0, 0)
                for place in start..<max(start, min(start + 8, bytes.count)) {
                    bits |= UInt64(bytes[place]) << UInt64(8 * (place - start))
                    mask |= 0xFF << UInt64(8 * (place - start))
                }
                return (bits, mask)
            }
            (first, second, third) = (word(0), word(8), word(16))
            count = bytes.count
        }

        @inline(__always)
        func match(_ one: UInt64, _ two: UInt64, _ three: UInt64) -> Bool {
            one & first.mask == first.bits && two & second.mask == second.bits && three & third.mask == third.bits
        }
    }

    /// - Parameter names: at least one, of 1 to 24 bytes each; like `prefix` plain ASCII that needs no escapes.
    init(prefix: StaticString, _ names: [String]) {
        self.prefix = prefix
        self.names = names
        prefixWords = Words(Array("\(prefix)".utf8))
        words = names.map { Words(Array($0.utf8)) }
        var (nested, starts): ([UInt8], [Int]) = ([], [0])
        for name in names {
            nested += #", \"\#(prefix)\#(name)\": "#.utf8
            starts.append(nested.count)
        }
        (self.nested, self.starts) = (nested, starts)
    }

    /// Which of them, after the prefix and with a quote behind it, a text has at a place, looked for from the `next`
    /// one on; and where it ends.
    @inline(__always)
    func find(
        in text: UnsafePointer<UInt8>, _ count: Int, at start: Int, from next: Int, isQuote: (Int) -> Bool
    ) -> (index: Int, end: Int)? {
        // What lies beyond the end of the text is zeros, which no name has.
        func word(_ place: Int) -> UInt64 { place < count ? ByteLanes(text, count, from: place).bits : 0 }
        guard prefixWords.match(word(start), word(start &+ 8), word(start &+ 16)) else { return nil }
        let place = start &+ prefixWords.count
        let (one, two, three) = (word(place), word(place &+ 8), word(place &+ 16))
        return words.withUnsafeBufferPointer { words in
            var index = next
            for _ in 0..<words.count {
                if index >= words.count { index = 0 }
                let end = place &+ words[index].count
                if words[index].match(one, two, three), isQuote(end) { return (index, end) }
                index &+= 1
            }
            return nil
        }
    }

    /// How such members begin inside of a document within a document, when they are not its first.
    struct NestedMembers {
        fileprivate let text: UnsafePointer<UInt8>
        /// Where each begins in `text`, and where the last one ends.
        fileprivate let starts: UnsafePointer<Int>
        fileprivate let count: Int
        /// How many are looked at: some that are expected are left out most of the time.
        private static var reach: Int { 4 }

        /// Which of them, from the `next` one on, has its beginning at a place of a text, written as we and Python write it;
        /// and where that ends. `nil` says nothing: the member may come later or be written in another way.
        @inline(__always)
        func find(
            in input: UnsafePointer<UInt8>, _ length: Int, at start: Int, from next: Int
        ) -> (index: Int, end: Int)? {
            var index = next
            let end = min(next &+ Self.reach, count)
            while index < end {
                let size = starts[index &+ 1] &- starts[index]
                if length &- start >= size, Self.areSame(input + start, text + starts[index], size) {
                    return (index, start &+ size)
                }
                index &+= 1
            }
            return nil
        }

        /// Compares the last eight bytes first, as all begin in the same way. Each has eight bytes or more.
        @inline(__always)
        private static func areSame(
            _ one: UnsafePointer<UInt8>, _ other: UnsafePointer<UInt8>, _ size: Int
        ) -> Bool {
            func word(_ text: UnsafePointer<UInt8>, _ place: Int) -> UInt64 {
                UnsafeRawPointer(text).loadUnaligned(fromByteOffset: place, as: UInt64.self)
            }
            guard word(one, size &- 8) == word(other, size &- 8) else { return false }
            var place = 0
            while place < size &- 8 {
                guard word(one, place) == word(other, place) else { return false }
                place &+= 8
            }
            return true
        }
    }

    /// - Parameter body: gets them, and may use them until it returns.
    @inline(__always)
    func withNestedMembers<Result>(_ body: (NestedMembers) -> Result) -> Result {
        nested.withUnsafeBufferPointer { nested in
            starts.withUnsafeBufferPointer { starts in
                guard let text = nested.baseAddress, let first = starts.baseAddress else {
                    preconditionFailure("Names are expected, and there is none.")
                }
                return body(NestedMembers(text: text, starts: first, count: starts.count - 1))
            }
        }
    }

    /// The bytes with which such a member begins inside of a document within a document, when it is not its first.
    @inline(__always)
    func withNestedMember(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        nested.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[starts[index]..<starts[index + 1]])) }
    }
}

/// The name of a member that was read.
struct MemberName {
    let text: String
    /// Whether the prefix of the expected names was before it, which is cut.
    let isCut: Bool
    /// Which of the expected names it is. Not told where it is written with escapes.
    let expected: Int?
}
