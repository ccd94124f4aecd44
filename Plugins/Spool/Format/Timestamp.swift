internal import Glibc
internal import SwitchboardCore

/// A moment of the wall clock in milliseconds since 1970, written as RFC 3339 does in UTC.
package struct Timestamp: Hashable, Sendable, CustomStringConvertible {
    package let milliseconds: UInt64

    package init(milliseconds: UInt64) {
        self.milliseconds = milliseconds
    }

    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: UInt64(max(0, time.tv_sec)) * 1000 + UInt64(time.tv_nsec / 1_000_000))
    }

    private static let shape = Array("0000-00-00T00:00:00.000Z".utf8)

    /// Reads what `description` writes, and nothing else: longer numbers would overflow below.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.shape.count else { return nil }
        for (byte, sample) in zip(bytes, Self.shape) {
            guard sample == UInt8(ascii: "0") ? (0x30...0x39).contains(byte) : byte == sample else { return nil }
        }
        func number(_ digits: Range<Int>) -> Int64 {
            var value: Int64 = 0
            for index in digits { value = value * 10 + Int64(bytes[index] - 0x30) }
            return value
        }
        let (month, day) = (number(5..<7), number(8..<10))
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        let days = CivilDate(year: number(0..<4), month: month, day: day).daysSinceEpoch
        let time = number(11..<13) * 3600 + number(14..<16) * 60 + number(17..<19)
        let seconds = days * 86_400 + time
        guard seconds >= 0 else { return nil }
        milliseconds = UInt64(seconds) * 1000 + UInt64(number(20..<23))
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 40) { buffer in
            var text = TextWriter(buffer)
            write(to: &text)
            return text.count
        }
    }

    func write(to text: inout TextWriter) {
        let seconds = Int64(milliseconds / 1000)
        let date = CivilDate(daysSinceEpoch: seconds / 86_400)
        let time = seconds % 86_400
        text.write(UInt64(date.year), radix: 10, width: 4)
        text.write("-")
        text.write(UInt64(date.month), radix: 10, width: 2)
        text.write("-")
        text.write(UInt64(date.day), radix: 10, width: 2)
        text.write("T")
        text.write(UInt64(time / 3600), radix: 10, width: 2)
        text.write(":")
        text.write(UInt64(time / 60 % 60), radix: 10, width: 2)
        text.write(":")
        text.write(UInt64(time % 60), radix: 10, width: 2)
        text.write(".")
        text.write(milliseconds % 1000, radix: 10, width: 3)
        text.write("Z")
    }
}

extension Duration {
    /// Rounded up, and bounded so that no sum with a wall clock overflows.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 1 << 42 else { return 1 << 52 }
        guard seconds > -(1 << 42) else { return -(1 << 52) }
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
