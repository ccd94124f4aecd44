internal import SwitchboardCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// When a mapping was created or changed: UTC, in microseconds, in the text form of Nova's databases.
public struct MappingTimestamp: Hashable, Sendable {
    /// Since 1970-01-01 00:00:00 UTC.
    public var microsecondsSinceEpoch: Int64

    public init(microsecondsSinceEpoch: Int64) {
        self.microsecondsSinceEpoch = microsecondsSinceEpoch
    }

    /// The time of the system's clock.
    public static func now() -> MappingTimestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return MappingTimestamp(
            microsecondsSinceEpoch: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    /// Parses `YYYY-MM-DD HH:MM:SS`, optionally with a `T` instead of the space, and with a fraction of up to six
    /// digits. Returns `nil` for any other text.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes.count <= 26, bytes.count != 20 else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: " ") || bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction: Int64 = 0
        if bytes.count > 19 {
            guard bytes[19] == UInt8(ascii: "."), let digits = number(20..<bytes.count) else { return nil }
            fraction = digits
            for _ in bytes.count..<26 { fraction *= 10 }
        }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        microsecondsSinceEpoch = ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction
    }
}

extension MappingTimestamp: Comparable {
    public static func < (left: MappingTimestamp, right: MappingTimestamp) -> Bool {
        left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
    }
}

extension MappingTimestamp: CustomStringConvertible {
    /// `YYYY-MM-DD HH:MM:SS.ffffff`.
    public var description: String {
        let (seconds, micros) = microsecondsSinceEpoch.flooredDivision(by: 1_000_000)
        let (days, secondOfDay) = seconds.flooredDivision(by: 86_400)
        let civil = CivilDate(daysSinceEpoch: days)
        let date = "\(padded(civil.year, 4))-\(padded(civil.month, 2))-\(padded(civil.day, 2))"
        let hour = secondOfDay / 3600
        let minute = secondOfDay / 60 % 60
        let time = "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(secondOfDay % 60, 2)).\(padded(micros, 6))"
        return "\(date) \(time)"
    }

    private func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

extension MappingTimestamp: Encodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
