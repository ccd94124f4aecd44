public import SwitchboardCore

/// A sentence that is true of RPC over every driver, and the check of it. Those of oslo.messaging's functional tests are
/// among them (oslo-wire.md §8.2).
public struct RPCLaw: Sendable, CustomStringConvertible {
    /// The law, as a sentence. No two laws have the same.
    public let name: String

    /// What a driver has to claim for the law to bind it; empty: every driver.
    public let capabilities: DriverCapabilities

    private let body: @Sendable (RPCBench) async throws -> Void

    public var description: String { name }

    init(
        _ name: String, needs capabilities: DriverCapabilities = [],
        _ body: @escaping @Sendable (RPCBench) async throws -> Void
    ) {
        self.name = name
        self.capabilities = capabilities
        self.body = body
    }

    /// Checks the law in a fresh world of the harness.
    ///
    /// Throws a ``LawViolation`` when it does not hold, or takes too long; what the harness throws passes through.
    @discardableResult
    public func check(_ harness: any TransportHarness) async throws -> LawOutcome {
        let outcome = Locked(LawOutcome.holds)
        try await harness.withWorld { world in
            do {
                guard try world.makeTransport().capabilities.isSuperset(of: capabilities) else {
                    outcome.withLock { $0 = .notClaimed }
                    return
                }
                try await withTimeLimit(world.patience * 6) { [body] in try await body(RPCBench(world: world)) }
            } catch {
                throw LawViolation(law: name, finding: "\(error)")
            }
        }
        return outcome.withLock { $0 }
    }
}
