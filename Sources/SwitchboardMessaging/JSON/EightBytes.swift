/// Eight bytes of a text, looked at all at once, where one by one would take several times as long.
///
/// Of what is found only the first is told: beyond it the arithmetic sees some that are not there.
struct EightBytes {
    /// The first byte is the lowest.
    private(set) var bits: UInt64

    /// The bytes of a text of `count` bytes from a place inside of it on. What lies beyond its end is zeros.
    @inline(__always)
    init(_ text: UnsafePointer<UInt8>, _ count: Int, from place: Int) {
        if count &- place >= 8 {
            bits = Self.load(text + place)
        } else {
            bits = Self.last(count &- place, of: text, count)
        }
    }

    private static func last(_ rest: Int, of text: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        if count >= 8 { return load(text + (count - 8)) >> UInt64(64 - 8 * rest) }
        var bits: UInt64 = 0
        for place in (count - rest..<count).reversed() { bits = bits << 8 | UInt64(text[place]) }
        return bits
    }

    @inline(__always)
    private static func load(_ text: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(text).loadUnaligned(as: UInt64.self))
    }

    /// Writes all eight.
    @inline(__always)
    func store(to text: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(text).storeBytes(of: bits.littleEndian, as: UInt64.self)
    }

    static var none: EightBytes { EightBytes(bits: 0) }
    static var backslashes: EightBytes { EightBytes(bits: ones &* 0x5C) }

    private init(bits: UInt64) {
        self.bits = bits
    }

    /// How many bytes come before the first that ends a plain run inside a string that is read: a quote, a backslash or a
    /// control character; 8 when there is none.
    @inline(__always)
    var plainToRead: Int {
        // Where a byte is zero, taking one from it sets its highest bit, and may set that of later bytes.
        let found = (quotes | backslashes | controls) & ~bits & Self.highest
        return found.trailingZeroBitCount / 8
    }

    /// How many bytes come before the first that must be escaped: a quote, a backslash or one outside of printable
    /// ASCII; 8 when there is none.
    @inline(__always)
    var plainToWrite: Int {
        let deletes = (bits ^ Self.ones &* 0x7F) &- Self.ones
        let found = (bits | quotes | backslashes | controls | deletes) & Self.highest
        return found.trailingZeroBitCount / 8
    }

    @inline(__always)
    var areASCII: Bool {
        bits & Self.highest == 0
    }

    /// The first so many, behind zeros.
    @inline(__always)
    func first(_ count: Int) -> EightBytes {
        EightBytes(bits: bits << UInt64(64 - 8 * count))
    }

    /// Afterwards these are ASCII when both were.
    @inline(__always)
    mutating func merge(_ other: EightBytes) {
        bits |= other.bits
    }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highest: UInt64 { 0x8080_8080_8080_8080 }

    private var quotes: UInt64 { (bits ^ Self.ones &* 0x22) &- Self.ones }
    private var backslashes: UInt64 { (bits ^ Self.ones &* 0x5C) &- Self.ones }
    private var controls: UInt64 { bits &- Self.ones &* 0x20 }
}
