import SwitchboardCore

/// How a call's deadline crosses the wire: an extra key of the context, which peers that do not know it ignore.
///
/// It holds the milliseconds that are left, not a time of day: clocks of hosts differ. The time on the way is not
/// counted, so that a server gives up at the caller's deadline or a little after it.
///
/// A caller that sends it also understands announcements of work (``WorkAnnouncements``).
enum RPCDeadline {
    static let key = "switchboard_deadline_ms"

    static func value(until deadline: Moment) -> JSONValue {
        // Rounded up, so that the caller is the first to give up.
        let milliseconds = (Moment.now.duration(to: deadline) / .milliseconds(1)).rounded(.up)
        return .integer(Int64(min(max(0, milliseconds), Double(longest))))
    }

    /// Longer waits than this are cut to it: arithmetic with what a program may take for "for ever" would overflow.
    static let longestWait: Duration = .seconds(100 * 31_536_000)

    /// A year is more than any call lasts; beyond it, arithmetic might overflow.
    private static let longest: Int64 = 31_536_000_000

    /// The moment that a deadline means which was received at `arrival`; `nil` when it is none.
    static func moment(of value: JSONValue?, arrival: Moment) -> Moment? {
        guard case .integer(let milliseconds)? = value, (0...longest).contains(milliseconds) else { return nil }
        return arrival + .milliseconds(milliseconds)
    }
}
