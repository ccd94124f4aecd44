public import Logging
public import SwitchboardCore

/// How the laws reach a driver: makes worlds that nobody else is in.
///
/// A driver's test target adopts all laws with one of these and one test:
///
///     struct MyHarness: TransportHarness {
///         func withWorld(_ body: nonisolated(nonsending) (TransportWorld) async throws -> Void) async throws {
///             try await body(TransportWorld { try Transport(myURL, drivers: DriverRegistry(.mine()), logger: logger) })
///         }
///     }
///
///     @Test(arguments: DriverLaws.all) func law(_ law: DriverLaw) async throws {
///         try await law.check(MyHarness())
///     }
public protocol TransportHarness: Sendable {
    /// Makes a world (a broker, a virtual host, a directory of its own), runs `body` with it, and removes it.
    func withWorld(_ body: nonisolated(nonsending) (TransportWorld) async throws -> Void) async throws
}

/// One isolated world of a driver, and what can be done to it.
///
/// The optional parts are needed by drivers with the capability that they name; a claim without its part is a violation.
public struct TransportWorld: Sendable {
    /// Makes one more transport in this world, not running. All of one world meet each other.
    public var makeTransport: @Sendable () throws -> Transport

    /// How long a thing that has to happen may take before it counts as never. A whole law may take six times as long.
    public var patience: Duration

    /// For `boundedQueues`: makes a transport whose queues hold this many messages.
    public var makeBoundedTransport: (@Sendable (_ messages: Int) throws -> Transport)?

    /// For `limitsAttempts`: makes a transport whose queues give a message up after so many attempts (2 or
    /// more), and log that there.
    public var makeLimitedTransport: (@Sendable (_ attempts: Int, Logger) throws -> Transport)?

    /// For `countsAttempts`: whether the queue's server counts what comes back unhandled as an attempt too, as it knows no
    /// difference. RabbitMQ before 4.3 doesn't.
    public var countsReleases = false

    /// For `reconnects`: cuts every connection of the world, and returns when new ones can be made.
    public var interrupt: (@Sendable () async throws -> Void)?

    /// For `reconnects`: stops the queue's server as an operator does, starts it again, and returns when it takes
    /// connections. Without it, the laws of restarts stay ``LawOutcome/unproven(reason:)``.
    public var restart: (@Sendable () async throws -> Void)?

    /// For `deadLetters`: the bodies of the messages that were discarded.
    public var deadLetters: (@Sendable () async throws -> [[UInt8]])?

    /// For `interprocess` and `durable`: does a thing in another process of this world and returns when that process has
    /// ended; ``LawPeer`` does it. Without it these claims stay ``LawOutcome/unproven(reason:)``.
    public var inOtherProcess: (@Sendable (OtherProcessTask) async throws -> Void)?

    /// For `interprocess`: messages that the driver cannot take. Without it, the law about them stays
    /// ``LawOutcome/unproven(reason:)``.
    public var untakeable: UntakeableMessages?

    public init(patience: Duration = .seconds(30), makeTransport: @escaping @Sendable () throws -> Transport) {
        self.makeTransport = makeTransport
        self.patience = patience
    }
}

/// Messages that a driver cannot take, because they are damaged or too large for it.
public struct UntakeableMessages: Sendable {
    /// Makes a transport that cannot take them, not running: as the world's others, or with narrower limits.
    public var makeTransport: @Sendable () throws -> Transport
    /// Puts some where those for an address lie, past the transport.
    public var plant: @Sendable (Address) async throws -> Void

    public init(
        makeTransport: @escaping @Sendable () throws -> Transport,
        plant: @escaping @Sendable (Address) async throws -> Void
    ) {
        self.makeTransport = makeTransport
        self.plant = plant
    }
}

/// What another process is asked to do.
public enum OtherProcessTask: Sendable, Hashable {
    /// Publish the bodies in order, and exit.
    case publish(bodies: [[UInt8]], to: Address)
    /// Take one delivery and be killed before it is settled.
    case takeAndVanish(from: Address)
}
