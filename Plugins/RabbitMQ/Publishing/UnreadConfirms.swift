#if RabbitMQ
import SwitchboardCore

/// Decides whether the confirms of a channel may be read late: while no caller awaits any of them, and only a few are
/// outstanding. No I/O.
///
/// The reply to a call implies its confirm. Without this, a program that only calls, or only replies, would wake up for each
/// confirm.
struct UnreadConfirms {
    private let messageLimit: Int
    private let byteLimit: Int
    /// What is unconfirmed.
    private var messages = 0
    private var bytes = 0
    private var awaited = 0
    /// Whether the last publish was awaited. A program that awaits each of its publishes will await the next one too.
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

    /// The publish is confirmed, or it is no longer tracked.
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
