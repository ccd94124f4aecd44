import ArgumentParser
import Logging
import ServiceLifecycle
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import UnixSignals

/// A command that serves one message queue until it is stopped, or has done what it was asked for.
protocol ServingCommand: ConfiguredCommand {
    var aim: AimOptions { get }

    /// The queue where none is asked for.
    static var ownQueue: CommandSettings.Name { get }

    /// What serves, prints to the outlet, and counts down to the command's end.
    func service(
        on connection: MessageQueueConnection, _ countdown: Countdown, _ outlet: Outlet, _ logger: Logger
    ) throws -> any Service

    var count: Int? { get }
}

extension ServingCommand {
    static var ownQueue: CommandSettings.Name { .transportURL }

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is at least 1.") }
    }

    func run() async throws {
        try await reportingMessageFailures {
            let (url, name) = try await aim.resolve(own: Self.ownQueue)
            let logger = messageLogger(.warning)
            let connection = try MessageQueueConnection(url, drivers: .all, name: name, logger: logger)
            let countdown = Countdown(from: count)
            // They shut down in reverse: what was begun is finished while the connection still runs. None ends by itself
            // before its turn: the group takes that for a failure.
            let outlet = Outlet()
            let printing = PrintingService(
                service: try service(on: connection, countdown, outlet, logger), outlet: outlet)
            let services: [any Service] = [connection, printing, Finisher(isDone: countdown.end)]
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: services.map {
                        .init(
                            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                            failureTerminationBehavior: .gracefullyShutdownGroup)
                    },
                    gracefulShutdownSignals: [.sigint, .sigterm], logger: messageLogger()))
            let states = connection.transport.states()
            // Beside the group, not in it: it ends with the connection, and would end before its turn.
            async let wasConnected = reportTrouble(of: connection, states)
            try await group.run()
            guard await wasConnected else {
                throw Failure("Stopped before it was connected to \(name).", exit: MessageExit.queue)
            }
        }
    }
}

/// A service that ends, and with it its group, when its stream does.
private struct Finisher: Service {
    let isDone: AsyncStream<Void>

    func run() async throws {
        await cancelWhenGracefulShutdown { for await _ in isDone {} }
        // A reader that has stopped reading does not keep the command from ending.
        StandardOutput.limitWaiting(to: .seconds(2))
    }
}

/// Says on standard error why there is no connection, once for each reason, and when there is one again; until the
/// connection ends or the task is cancelled. Returns whether there ever was one.
private func reportTrouble(
    of connection: MessageQueueConnection, _ states: AsyncStream<TransportState>
) async -> Bool {
    var trouble: String?
    var wasConnected = false
    for await state in states {
        switch state {
        case .ready, .blocked: wasConnected = true
        case .idle, .connecting, .closed: break
        }
        switch state {
        case .connecting(_, let reason?), .blocked(let reason):
            if reason != trouble { complain("\(connection.name) is not usable for now: \(reason)") }
            trouble = reason
        case .ready:
            if trouble != nil { complain("\(connection.name) is usable again") }
            trouble = nil
        case .idle, .connecting, .closed: break
        }
    }
    return wasConnected
}

/// Ends a stream after so many counts.
final class Countdown: Sendable {
    let end: AsyncStream<Void>
    private let source: AsyncStream<Void>.Continuation
    private let remaining: Locked<Int?>

    /// - Parameter count: `nil`: never.
    init(from count: Int?) {
        remaining = Locked(count)
        (end, source) = AsyncStream.makeStream(of: Void.self)
    }

    /// Counts one. Returns whether it was still wanted.
    @discardableResult
    func count() -> Bool {
        remaining.withLock { remaining in
            guard let left = remaining else { return true }
            remaining = left - 1
            if left == 1 { source.finish() }
            return left > 0
        }
    }
}
