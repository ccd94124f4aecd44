import SwitchboardCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A moment in UTC as contexts carry it: `2026-01-02T03:04:05.678901`, no zone, always six digits of fraction.
///
/// Nova refuses any other form (nova-cells.md §1.3), so that is what is written. Read is more: a blank instead of `T`,
/// no fraction or a shorter one, and a zone, which is converted.
public struct WireTimestamp: Hashable, Sendable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00 UTC.
    public let microseconds: Int64

    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The moment of the call.
    public static func now() -> WireTimestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WireTimestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    public static func < (one: WireTimestamp, other: WireTimestamp) -> Bool {
        one.microseconds < other.microseconds
    }
}

extension WireTimestamp: CustomStringConvertible {
    public var description: String {
        text(separator: "T")
    }

    /// The text with another character between date and time.
    func text(separator: Unicode.Scalar) -> String {
        let (days, rest) = microseconds.flooredDivision(by: Self.microsecondsPerDay)
        let date = CivilDate(daysSinceEpoch: days)
        let year = date.year
        let hasPlainYear = (0..<10_000).contains(year)
        let text = String(unsafeUninitializedCapacity: 26) { text in
            var place = 0
            func write(_ number: Int64, _ width: Int, _ end: Unicode.Scalar?) {
                var number = number
                for digit in (place..<place + width).reversed() {
                    text[digit] = 0x30 + UInt8(truncatingIfNeeded: number % 10)
                    number /= 10
                }
                place += width
                guard let end else { return }
                text[place] = UInt8(ascii: end)
                place += 1
            }
            write(hasPlainYear ? year : 0, 4, "-")
            write(date.month, 2, "-")
            write(date.day, 2, separator)
            let seconds = rest / 1_000_000
            write(seconds / 3600, 2, ":")
            write(seconds / 60 % 60, 2, ":")
            write(seconds % 60, 2, ".")
            write(rest % 1_000_000, 6, nil)
            return place
        }
        return hasPlainYear ? text : String(year) + text.dropFirst(4)
    }

    /// Reads the text of a timestamp; `nil` when it is none.
    public init?(_ text: String) {
        let moment: Int64? = text.utf8.span.withUnsafeBufferPointer { Self.microseconds($0) }
        guard let moment else { return nil }
        self.init(microseconds: moment)
    }

    /// Reads the bytes of a timestamp's text.
    init?(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard let moment = Self.microseconds(text) else { return nil }
        self.init(microseconds: moment)
    }

    private static func microseconds(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.skip("-"),
            let month = reader.number(2), (1...12).contains(month), reader.skip("-"),
            let day = reader.number(2), (1...CivilDate.days(in: month, of: year)).contains(day),
            reader.skip("T") || reader.skip(" "),
            let hour = reader.number(2), hour < 24, reader.skip(":"),
            let minute = reader.number(2), minute < 60, reader.skip(":"),
            let second = reader.number(2), second < 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.skip(".") {
            guard let value = reader.fraction() else { return nil }
            fraction = value
        }
        guard let offset = reader.zone(), reader.isAtEnd else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        let seconds = days * 86400 + hour * 3600 + minute * 60 + second
        return (seconds - offset) * 1_000_000 + fraction
    }

    private static let microsecondsPerDay: Int64 = 86_400_000_000
}

/// Reads digits and separators one after another.
private struct DigitReader {
    private let text: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
    }

    var isAtEnd: Bool { place == text.count }

    /// The next byte's value as a digit; `nil` when it is none.
    private var digit: Int64? {
        guard place < text.count, (0x30...0x39).contains(text[place]) else { return nil }
        return Int64(text[place] - 0x30)
    }

    mutating func number(_ width: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<width {
            guard let digit else { return nil }
            value = value * 10 + digit
            place += 1
        }
        return value
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard place < text.count, text[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    /// The digits of a fraction as microseconds; what is finer is cut.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var digits = 0
        while let digit {
            if digits < 6 { value = value * 10 + digit }
            digits += 1
            place += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<max(digits, 6) { value *= 10 }
        return value
    }

    /// The seconds east of UTC: none, `Z`, or `±hh:mm`.
    mutating func zone() -> Int64? {
        if isAtEnd || skip("Z") { return 0 }
        let sign: Int64 = skip("-") ? -1 : 1
        if sign == 1, !skip("+") { return nil }
        guard let hours = number(2), hours < 24 else { return nil }
        _ = skip(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
