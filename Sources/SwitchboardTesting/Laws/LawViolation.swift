/// A law that a driver breaks.
public struct LawViolation: Error, Sendable, CustomStringConvertible {
    /// The law's sentence.
    public let law: String

    /// What was seen instead.
    public let finding: String

    public var description: String { "The law \"\(law)\" is broken: \(finding)" }
}

/// What the check of a law that is not broken came to.
public enum LawOutcome: Sendable, Hashable {
    /// The driver obeys.
    case holds
    /// The law belongs to capabilities that the driver does not claim.
    case notClaimed
    /// The driver claims it, and its harness has nothing to show it by (a second process).
    case unproven(reason: String)
}

/// What a law finds, without the law's name.
struct Finding: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The harness lacks an optional hook.
struct Unproven: Error {
    let reason: String
}
