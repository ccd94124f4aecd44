#if RabbitMQ
import SwitchboardCore

/// Whether the confirms of a channel may be read some time after they have come: while nobody waits for one of them, and
/// few are to come. No I/O.
///
/// The answer to a call says what its confirm says too. A program that only calls, or only answers, would be woken for each
/// confirm, which costs it and the broker more than the confirm is worth.
struct UnreadConfirms {
    private let messageLimit: Int
    private let byteLimit: Int
    /// What is unconfirmed.
    private var messages = 0
    private var bytes = 0
    private var awaited = 0
    /// Whether the publish that was written last was awaited: one that awaits each of its publishes will await the next.
    private var isLastAwaited = true

    /// - Parameters:
    ///   - messages: how many may be unconfirmed.
    ///   - bytes: how large their bodies may be together.
    init(ofWindow messages: Int, bytes: Int) {
        messageLimit = messages / 4
        byteLimit = bytes / 4
    }

    var mayWait: Bool {
        !isLastAwaited && awaited == 0 && messages <= messageLimit && bytes <= byteLimit
    }

    mutating func wrote(_ publish: Publish) {
        isLastAwaited = publish.isAwaited
        if isLastAwaited { awaited += 1 }
        messages += 1
        bytes += publish.message.body.count
    }

    /// It is confirmed, or nobody cares any more.
    mutating func left(_ publish: Publish) {
        if publish.isAwaited { awaited -= 1 }
        messages -= 1
        bytes -= publish.message.body.count
    }

    /// The channel is gone.
    mutating func reset() {
        (messages, bytes, awaited, isLastAwaited) = (0, 0, 0, true)
    }
}
#endif
