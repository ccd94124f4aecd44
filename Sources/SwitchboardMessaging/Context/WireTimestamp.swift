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
        let days = microseconds.dividedFloor(by: Self.microsecondsPerDay)
        var rest = microseconds - days * Self.microsecondsPerDay
        let (year, month, day) = Self.civilDate(days: days)
        let fraction = rest % 1_000_000
        rest /= 1_000_000
        let parts: [(number: Int64, width: Int, end: UInt8)] = [
            (year, 4, UInt8(ascii: "-")), (month, 2, UInt8(ascii: "-")), (day, 2, UInt8(ascii: "T")),
            (rest / 3600, 2, UInt8(ascii: ":")), (rest / 60 % 60, 2, UInt8(ascii: ":")),
            (rest % 60, 2, UInt8(ascii: ".")),
        ]
        var text: [UInt8] = []
        text.reserveCapacity(26)
        for part in parts {
            Self.write(part.number, part.width, to: &text)
            text.append(part.end)
        }
        Self.write(fraction, 6, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads the text of a timestamp; `nil` when it is none.
    public init?(_ text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.skip("-"),
            let month = reader.number(2), (1...12).contains(month), reader.skip("-"),
            let day = reader.number(2), (1...Self.days(in: month, of: year)).contains(day),
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
        let seconds = Self.days(year: year, month: month, day: day) * 86400 + hour * 3600 + minute * 60 + second
        self.init(microseconds: (seconds - offset) * 1_000_000 + fraction)
    }

    private static let microsecondsPerDay: Int64 = 86_400_000_000

    /// Writes a number with zeros before it, up to a width; a longer or negative one as it is.
    private static func write(_ number: Int64, _ width: Int, to text: inout [UInt8]) {
        var limit: Int64 = 1
        for _ in 0..<width { limit *= 10 }
        guard (0..<limit).contains(number) else { return text.append(contentsOf: String(number).utf8) }
        while limit > 1 {
            limit /= 10
            text.append(0x30 + UInt8(number / limit % 10))
        }
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // Days are counted in eras of 400 years (146 097 days) that begin on 1 March, so that a leap day comes last.

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year.dividedFloor(by: 400)
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civilDate(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.dividedFloor(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func dividedFloor(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// Reads digits and separators one after another.
private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number(_ width: Int) -> Int64? {
        guard rest.count >= width else { return nil }
        var value: Int64 = 0
        for byte in rest.prefix(width) {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        rest = rest.dropFirst(width)
        return value
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// The digits of a fraction as microseconds; what is finer is cut.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var digits = 0
        while let byte = rest.first, (0x30...0x39).contains(byte) {
            if digits < 6 { value = value * 10 + Int64(byte - 0x30) }
            digits += 1
            rest = rest.dropFirst()
        }
        guard digits > 0 else { return nil }
        for _ in digits..<max(digits, 6) { value *= 10 }
        return value
    }

    /// The seconds east of UTC: none, `Z`, or `±hh:mm`.
    mutating func zone() -> Int64? {
        if rest.isEmpty || skip("Z") { return 0 }
        let sign: Int64 = skip("-") ? -1 : 1
        if sign == 1, !skip("+") { return nil }
        guard let hours = number(2), hours < 24 else { return nil }
        _ = skip(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
