import SwitchboardCore

/// A sentence that is true of every directory that can be written, or of those that claim a capability, and the check of
/// it.
public struct DirectoryLaw: Sendable, CustomStringConvertible {
    /// What a law is about.
    public enum Group: String, Sendable, Hashable, CaseIterable {
        case cells, instances, hosts, listings, versions, values, writers
    }

    /// The law, as a sentence. No two laws have the same.
    public let name: String

    public let group: Group

    /// The capabilities that it proves. It binds a directory that claims all of them; empty: every directory.
    public let capabilities: DirectoryCapabilities

    /// The capabilities without which it binds.
    public let exceptions: DirectoryCapabilities

    private let body: @Sendable (DirectoryBench) async throws -> Void

    public var description: String { name }

    init(
        _ name: String, _ group: Group, proves capabilities: DirectoryCapabilities = [],
        unless exceptions: DirectoryCapabilities = [], _ body: @escaping @Sendable (DirectoryBench) async throws -> Void
    ) {
        self.name = name
        self.group = group
        self.capabilities = capabilities
        self.exceptions = exceptions
        self.body = body
    }

    /// Checks the law in a fresh world of the harness.
    ///
    /// Throws a ``LawViolation`` when the directory breaks it, or takes too long; what the harness throws passes through.
    @discardableResult
    public func check(_ harness: any DirectoryHarness) async throws -> LawOutcome {
        let outcome = Locked(LawOutcome.holds)
        try await harness.withWorld { world in
            guard world.claims.isSuperset(of: capabilities), world.claims.isDisjoint(with: exceptions) else {
                outcome.withLock { $0 = .notClaimed }
                return
            }
            do {
                let bench = DirectoryBench(world: world)
                try await withTimeLimit(world.patience * 6) { [body] in try await body(bench) }
            } catch let unproven as Unproven {
                outcome.withLock { $0 = .unproven(reason: unproven.reason) }
            } catch {
                throw LawViolation(law: name, finding: "\(error)")
            }
        }
        return outcome.withLock { $0 }
    }
}
