/// When a caller that asked for keepalives gets them (oslo-wire.md §4.5).
enum RPCKeepalive {
    /// Half of the caller's interval, from 1 second on; `nil` when none are to be sent.
    static func interval(_ timeout: JSONValue?) -> Duration? {
        let seconds: Int64? =
            switch timeout {
            case .integer(let number)?: number
            case .double(let number)?: Int64(exactly: number.rounded(.towardZero))
            case .string(let text)?: Int64(text)
            default: nil
            }
        guard let seconds, seconds >= 2, seconds < 31_536_000 else { return nil }
        return .seconds(seconds) / 2
    }
}
