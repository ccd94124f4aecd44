#if RabbitMQ
import SwitchboardCore

/// What the publishing connections of a driver have learned of declarations, from one to the next.
final class DeclarationMemory: Sendable {
    private struct State {
        /// What was declared on any connection: what the broker doesn't want of that may pass.
        var declared: Set<Declaration.Subject> = []
        /// What people have been told of refused declarations.
        var told: Set<String> = []
        /// What the broker can't declare just now.
        var failing = FailingDeclarations(limit: DeclarationMemory.limit)
    }

    /// How much is remembered of each; mailboxes come and go.
    static let limit = 4096

    private let state = Locked(State())

    func declared(_ declaration: Declaration) {
        state.withLock { state in
            if state.declared.count >= Self.limit { state.declared.removeAll() }
            state.declared.insert(declaration.subject)
        }
    }

    func wasDeclared(_ declaration: Declaration) -> Bool {
        state.withLock { $0.declared.contains(declaration.subject) }
    }

    /// Whether people are to be told of something: once.
    func tells(_ text: String) -> Bool {
        state.withLock { state in
            if state.told.count >= Self.limit { state.told.removeAll() }
            return state.told.insert(text).inserted
        }
    }

    /// The broker has closed a connection while it was declaring `address`.
    ///
    /// - Returns: whether people are to be told.
    func failed(_ address: Address, _ reason: String, using generator: inout some RandomNumberGenerator) -> Bool {
        state.withLock { state in state.failing.failed(address, reason, at: .now, using: &generator) }
        return tells("\(address): \(reason)")
    }

    /// Why an address must not be declared now.
    func failure(of address: Address) -> FailingDeclarations.Failure? {
        state.withLock { $0.failing.failure(of: address, at: .now) }
    }

    /// Everything that an address needs is declared.
    func declared(_ address: Address) {
        state.withLock { $0.failing.declared(address) }
    }
}
#endif
