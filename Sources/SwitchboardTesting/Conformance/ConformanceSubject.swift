public import SwitchboardCore

/// A driver that is held to the laws, with what people want to know of it.
public struct ConformanceSubject: Sendable {
    /// The name of its column in the matrix.
    public var name: String

    /// The URLs it serves, for its line in the table of drivers. Markdown.
    public var urls: String

    /// The product that it is in. Markdown.
    public var product: String

    /// What has to be there. Markdown.
    public var needs: String

    /// How the laws reach it; a law may need a world of its own kind.
    public var harness: @Sendable (DriverLaw) -> any TransportHarness

    public init(
        name: String, urls: String, product: String, needs: String,
        harness: @escaping @Sendable (DriverLaw) -> any TransportHarness
    ) {
        self.name = name
        self.urls = urls
        self.product = product
        self.needs = needs
        self.harness = harness
    }
}

extension DriverCapabilities {
    /// Every capability there is, with the word for it.
    public static let all: [(name: String, capability: DriverCapabilities)] = [
        ("interprocess", .interprocess), ("durable", .durable), ("redelivery", .redelivery), ("ordered", .ordered),
        ("detectsUnroutable", .detectsUnroutable), ("expires", .expires), ("deadLetters", .deadLetters),
        ("reconnects", .reconnects), ("boundedQueues", .boundedQueues),
        ("ephemeralFanouts", .ephemeralFanouts), ("countsAttempts", .countsAttempts),
        ("limitsAttempts", .limitsAttempts),
    ]

    /// The words for the capabilities that are in it.
    public var names: [String] {
        Self.all.filter { contains($0.capability) }.map(\.name)
    }
}
