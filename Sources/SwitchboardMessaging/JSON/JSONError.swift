/// Why bytes are no JSON.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where, in bytes from the start.
    public let offset: Int
    public let reason: String

    public var description: String {
        "not JSON at byte \(offset): \(reason)"
    }
}
