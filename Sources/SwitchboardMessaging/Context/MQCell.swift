/// The cell that a message queue is of: its name for people, and its identity where a program has aimed at it by one.
///
/// What is written by hand (`"cell1"`) is a name and nothing more, whatever it looks like.
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

    /// What the cell is called in errors, logs and metrics.
    public let name: String

    /// `nil` for a cell that is known by its name alone. Read it as `MQConnection.cellID`, of `SwitchboardCells`.
    package let identity: Identity?

    /// A cell that is known by its name alone.
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
