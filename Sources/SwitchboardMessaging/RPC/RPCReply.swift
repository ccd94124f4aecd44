import SwitchboardCore

/// The last word on one request.
struct RPCReply: Sendable {
    /// Where the replies to one request go.
    struct Destination: Sendable {
        let mailbox: Mailbox
        let callID: WireID

        /// `nil` when the request wants no reply.
        init?(_ request: borrowing OsloRequest) {
            guard let callID = request.callID, !callID.isNone,
                let queue = request.replyQueue, !queue.isEmpty
            else { return nil }
            self.mailbox = Mailbox(named: queue)
            self.callID = callID
        }
    }

    let wire: OsloReply
    let destination: Destination
    /// What may still be sent in its place.
    private let next: Next

    private enum Next {
        /// An error of the same class, without what makes it large.
        case shorterFailure
        /// The error that the reply cannot be sent.
        case undeliverable
        case nothing
    }

    /// A result, or an error where no peer can read the result.
    init(_ result: JSONValue, to destination: Destination) {
        guard !result.isNested(deeperThan: OsloEnvelope.maximumDepth) else {
            self.init(
                .undeliverableReply("it is nested more than \(OsloEnvelope.maximumDepth) deep"), to: destination,
                .nothing)
            return
        }
        self.init(
            OsloReply(result: result, ending: true, callID: destination.callID), to: destination, .undeliverable)
    }

    init(failure: RemoteError, to destination: Destination) {
        let limit = OsloEnvelope.maximumDepth
        let isReadable =
            !failure.arguments.contains { $0.isNested(deeperThan: limit - 1) }
            && !JSONValue.object(failure.keywordArguments).isNested(deeperThan: limit)
        self.init(
            isReadable ? failure : failure.shortened, to: destination, isReadable ? .shorterFailure : .undeliverable)
    }

    private init(_ failure: RemoteError, to destination: Destination, _ next: Next) {
        self.init(
            OsloReply(
                result: .null, failure: OsloFailure(failure), ending: true, callID: destination.callID),
            to: destination, next)
    }

    private init(_ wire: OsloReply, to destination: Destination, _ next: Next) {
        self.wire = wire
        self.destination = destination
        self.next = next
    }

    /// The smaller reply that goes in its place when it cannot be sent; `nil` when there is none.
    func replacement(because code: TransportError.Code) -> RPCReply? {
        switch next {
        case .shorterFailure:
            guard let failure = wire.failure else { return nil }
            return RPCReply(RemoteError(failure).shortened, to: destination, .undeliverable)
        case .undeliverable:
            return RPCReply(.undeliverableReply("\(code)"), to: destination, .nothing)
        case .nothing: return nil
        }
    }
}

extension RemoteError {
    fileprivate init(_ failure: OsloFailure) {
        self.init(
            className: failure.className, module: failure.module, message: failure.message,
            traceback: failure.traceback, arguments: failure.arguments, keywordArguments: failure.keywordArguments)
    }

    /// The same error in a few hundred bytes: its class, and how its message begins.
    fileprivate var shortened: RemoteError {
        let isLong = message.utf8.count > 300
        return RemoteError(
            className: String(className.prefix(100)), module: String(module.prefix(100)),
            message: isLong ? message.prefix(300) + "… (cut: the error was too large to be sent)" : message)
    }
}
