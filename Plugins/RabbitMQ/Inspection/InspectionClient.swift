#if RabbitMQ
import SwitchboardCore

/// Collects what a broker answers on the one channel of an inspection, and hands what comes on a tap's to the tap. Lives in its
/// ``InspectionSession``.
final class InspectionClient: ConnectionClient {
    /// What came on the channel since it was opened, without the content of messages.
    private(set) var answers: [IncomingMethod] = []
    /// Why the broker closed the channel, once it has.
    private(set) var closure: IncomingMethod.Closure?

    /// What watches messages on a channel of its own, where something does.
    var tap: TapReceiver?

    func begin() {
        answers = []
        closure = nil
    }

    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {
        if let tap, channel == TapReceiver.channel { return try tap.received(method) }
        switch method {
        case .channelClose(let closure): self.closure = self.closure ?? closure
        // Bounded by what was asked: a broker that goes on and on isn't one.
        default:
            guard answers.count < Self.mostAnswers else {
                throw ProtocolViolation("the broker sends more than was asked for")
            }
            answers.append(method)
        }
    }

    private static let mostAnswers = 64

    // A returned message is told by its method.
    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {
        if let tap, channel == TapReceiver.channel { try tap.received(header) }
    }

    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {
        if let tap, channel == TapReceiver.channel { try tap.received(body) }
    }

    var readsRoutes: Bool { true }

    // MARK: What an inspection does itself

    var isReady: Bool { true }
    var isIdle: Bool { true }
    var nextDeadline: Moment? { nil }

    func perform(_ command: Never) {}
    func opened(_ connection: AMQPConnection) {}
    func closed(_ loss: ConnectionLoss) {}
    func blocked(_ reason: String?) {}
    func writable() {}
    func drain() {}
    func stop() {}
    func abandon(_ command: Never) {}
    func expire(_ now: Moment) {}
    func finishTurn() -> Int { 0 }
}
#endif
