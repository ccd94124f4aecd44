#if RabbitMQ
import SwitchboardCore

/// Addresses that the broker fails to declare, closing the whole connection each time. RabbitMQ 4.3 does so with an
/// exchange that was deleted at the moment when somebody bound a queue to it, until an operator removes what is left of it.
///
/// Such an address is declared again after pauses that grow, so that what goes to other addresses keeps its connection. No I/O,
/// no clock.
struct FailingDeclarations: Sendable {
    struct Failure: Sendable {
        /// When to declare again.
        var until: Moment
        /// What the broker said.
        var reason: String
        fileprivate var pauses = DoublingPause(longest: longestPause)
    }

    /// Each failure costs all traffic its connection.
    static let longestPause = Duration.seconds(300)

    private let limit: Int
    private var failures: [Address: Failure] = [:]

    /// How many addresses are remembered.
    var count: Int { failures.count }

    /// - Parameter limit: how many addresses are remembered.
    init(limit: Int) {
        self.limit = limit
    }

    /// The connection was lost while the broker was declaring `address`.
    mutating func failed(
        _ address: Address, _ reason: String, at now: Moment,
        using generator: inout some RandomNumberGenerator
    ) {
        if failures.count >= limit, failures[address] == nil { failures.removeAll() }
        var failure = failures[address] ?? Failure(until: now, reason: reason)
        failure.until = now + failure.pauses.next(using: &generator)
        failure.reason = reason
        failures[address] = failure
    }

    /// Why `address` must not be declared now; `nil` when it may be.
    func failure(of address: Address, at now: @autoclosure () -> Moment) -> Failure? {
        guard !failures.isEmpty, let failure = failures[address], failure.until > now() else { return nil }
        return failure
    }

    /// The broker has declared it.
    mutating func declared(_ address: Address) {
        if !failures.isEmpty { failures[address] = nil }
    }
}
#endif
