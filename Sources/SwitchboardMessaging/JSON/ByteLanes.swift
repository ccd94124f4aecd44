/// Eight bytes of a text, looked at all at once, where one by one would take several times as long.
///
/// Of what is found only the first is told: beyond it the arithmetic sees some that are not there.
struct ByteLanes {
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

    static var none: ByteLanes { ByteLanes(bits: 0) }
    static var backslashes: ByteLanes { ByteLanes(bits: ones &* 0x5C) }

    private init(bits: UInt64) {
        self.bits = bits
    }

    /// How many bytes come before the first that ends a plain run inside a string that is read: a quote, a backslash or
    /// a control character; 8 when there is none.
    @inline(__always)
    var plainToRead: Int {
        (endsRun & Self.highest).trailingZeroBitCount / 8
    }

    /// Of the first byte that ends a plain run the highest bit is set.
    private var endsRun: UInt64 {
        // Where a byte is zero, taking one from it sets its highest bit, and may set that of later bytes.
        (quotes | backslashes | controls) & ~bits
    }

    /// How many bytes of a text come from a place on, 32 at a time, without one that ends a plain run; and those of
    /// them, merged.
    @inline(__always)
    static func skipPlain(_ text: UnsafePointer<UInt8>, _ count: Int, from start: Int) -> (length: Int, all: ByteLanes)
    {
        var place = start
        var all: UInt64 = 0
        while count &- place >= 32 {
            let (a, b) = (ByteLanes(bits: load(text + place)), ByteLanes(bits: load(text + place + 8)))
            let (c, d) = (ByteLanes(bits: load(text + place + 16)), ByteLanes(bits: load(text + place + 24)))
            guard (a.endsRun | b.endsRun | c.endsRun | d.endsRun) & highest == 0 else { break }
            all |= a.bits | b.bits | c.bits | d.bits
            place &+= 32
        }
        return (place &- start, ByteLanes(bits: all))
    }

    /// Copies the beginning of a text to another place, 32 bytes at a time as long as none of them must be escaped.
    ///
    /// - Returns: how many bytes it has copied.
    @inline(__always)
    static func copyPlain(_ text: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var place = 0
        while count &- place >= 32 {
            let (a, b) = (ByteLanes(bits: load(text + place)), ByteLanes(bits: load(text + place + 8)))
            let (c, d) = (ByteLanes(bits: load(text + place + 16)), ByteLanes(bits: load(text + place + 24)))
            guard (a.toEscape | b.toEscape | c.toEscape | d.toEscape) & highest == 0 else { break }
            a.store(to: target + place)
            b.store(to: target + place + 8)
            c.store(to: target + place + 16)
            d.store(to: target + place + 24)
            place &+= 32
        }
        return place
    }

    /// How many bytes come before the first that must be escaped: a quote, a backslash or one outside of printable
    /// ASCII; 8 when there is none.
    @inline(__always)
    var plainToWrite: Int {
        (toEscape & Self.highest).trailingZeroBitCount / 8
    }

    /// Of the first byte that must be escaped the highest bit is set.
    private var toEscape: UInt64 {
        let deletes = (bits ^ Self.ones &* 0x7F) &- Self.ones
        return bits | quotes | backslashes | controls | deletes
    }

    @inline(__always)
    var areASCII: Bool {
        bits & Self.highest == 0
    }

    /// The first so many, behind zeros.
    @inline(__always)
    func first(_ count: Int) -> ByteLanes {
        ByteLanes(bits: bits << UInt64(64 - 8 * count))
    }

    /// Afterwards these are ASCII when both were.
    @inline(__always)
    mutating func merge(_ other: ByteLanes) {
        bits |= other.bits
    }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highest: UInt64 { 0x8080_8080_8080_8080 }

    private var quotes: UInt64 { (bits ^ Self.ones &* 0x22) &- Self.ones }
    private var backslashes: UInt64 { (bits ^ Self.ones &* 0x5C) &- Self.ones }
    private var controls: UInt64 { bits &- Self.ones &* 0x20 }
}
