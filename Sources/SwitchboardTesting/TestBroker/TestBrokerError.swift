/// A test broker or peer that cannot be started, or does not do what it was told.
public struct TestBrokerError: Error, Sendable, CustomStringConvertible {
    /// What happened, and what to do.
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
