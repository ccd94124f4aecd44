/// The cell that a message queue belongs to: its name for people, and its identity if a program has aimed at it by one.
///
/// A string literal such as `"cell1"` is only a name, whatever it looks like.
public struct MQCell: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The 128 bits of a cell's UUID.
    package struct Identity: Sendable, Hashable {
        package let high: UInt64
        package let low: UInt64

        package init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    /// The cell's name in errors, logs and metrics.
    public let name: String

    /// `nil` for a cell that is known by its name alone. Read it as `QueueRoute.cellID`, of `SwitchboardCells`.
    package let identity: Identity?

    /// A cell of which only the name is known.
    public init(_ name: String) {
        self.init(name, identity: nil)
    }

    package init(_ name: String, identity: Identity?) {
        self.name = name
        self.identity = identity
    }

    public init(stringLiteral name: String) {
        self.init(name)
    }

    public var description: String { name }
}
