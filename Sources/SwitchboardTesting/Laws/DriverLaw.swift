public import SwitchboardCore

/// A sentence that is true of every driver, or of every driver that claims a capability, and the check of it.
public struct DriverLaw: Sendable, CustomStringConvertible {
    /// What a law is about. The first ones are about transports, the last ones (from ``calls`` on) about RPC and
    /// notifications over them.
    public enum Group: String, Sendable, Hashable, CaseIterable {
        case delivery, addresses, settlement, attempts, flow, lifetime, deadlines, routing, bounds, reconnecting,
            restarting,
            processes, claims
        case calls, casts, patience, failures, serving, outages
        case notifications
    }

    /// The law, as a sentence. No two laws have the same.
    public let name: String

    public let group: Group

    /// The capabilities that it proves. It binds a driver that claims all of them; empty: every driver.
    public let capabilities: DriverCapabilities

    private let body: @Sendable (LawBench) async throws -> Void

    public var description: String { name }

    init(
        _ name: String, _ group: Group, proves capabilities: DriverCapabilities = [],
        _ body: @escaping @Sendable (LawBench) async throws -> Void
    ) {
        self.name = name
        self.group = group
        self.capabilities = capabilities
        self.body = body
    }

    /// Checks the law in a fresh world of the harness.
    ///
    /// Throws a ``LawViolation`` when the driver breaks it, or takes too long; what the harness throws passes through.
    @discardableResult
    public func check(_ harness: any TransportHarness) async throws -> LawOutcome {
        let outcome = Locked(LawOutcome.holds)
        try await harness.withWorld { world in
            let claims: DriverCapabilities
            do {
                claims = try world.makeTransport().capabilities
            } catch {
                throw violation("a transport cannot be made: \(error)")
            }
            guard claims.isSuperset(of: capabilities) else {
                outcome.withLock { $0 = .notClaimed }
                return
            }
            do {
                let bench = LawBench(world: world, claims: claims)
                try await withTimeLimit(world.patience * 6) { [body] in try await body(bench) }
            } catch let unproven as Unproven {
                outcome.withLock { $0 = .unproven(reason: unproven.reason) }
            } catch {
                throw violation("\(error)")
            }
        }
        return outcome.withLock { $0 }
    }

    private func violation(_ finding: String) -> LawViolation {
        LawViolation(law: name, finding: finding)
    }
}
