import ArgumentParser
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// The exit codes of the commands that send and receive messages, as their help tells them.
enum MessageExit {
    /// The other side raised an error.
    static let remote: Int32 = 1
    /// Nobody listens at the target.
    static let unroutable: Int32 = 2
    /// There is no such cell, instance or host, or its cell has no queue or is disabled.
    static let noCell: Int32 = 3
    /// No answer in time.
    static let timeout: Int32 = 4
    /// The queue cannot be used: it does not answer, refuses us, or its URL is wrong.
    static let queue: Int32 = 5

    static let help = """
        Exit codes: 0 success; 1 the other side raised an error; 2 nobody listens there; 3 there is no such cell, instance \
        or host, or its cell has no queue; 4 no answer in time; 5 the queue cannot be used; 255 the directory cannot be used.
        """

    static let cellErrors: [CellError.Code: Int32] = [
        .unknownCell: noCell, .ambiguousName: noCell, .unknownInstance: noCell, .notScheduled: noCell,
        .unknownHost: noCell, .noQueue: noCell, .disabledCell: noCell, .badURL: queue, .unreachable: queue,
        .invalidUUID: 64,
    ]

    static func code(of error: RPCError) -> Int32 {
        switch error.code {
        case .remote, .noSuchMethod, .unsupportedVersion, .invalidReply: remote
        case .unroutable: unroutable
        case .timeout: timeout
        default: queue
        }
    }
}

func reportingMessageFailures(_ body: () async throws -> Void) async throws {
    try await reportingFailures(MessageExit.cellErrors) {
        do {
            try await body()
        } catch let error as RPCError {
            let text = error.remote.map { "The other side raised \($0)" } ?? error.message
            throw Failure(text, exit: MessageExit.code(of: error))
        } catch let error as NotificationError {
            throw Failure(error.message, exit: error.code == .invalidFilter ? 64 : MessageExit.queue)
        } catch let error as TransportError {
            throw Failure(error.message, exit: MessageExit.queue)
        }
    }
}
