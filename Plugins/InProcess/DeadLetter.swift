import DequeModule
public import SwitchboardCore

/// A message that a consumer discarded.
public struct DeadLetter: Sendable, Hashable {
    public let message: Message
    /// The consumer's reason.
    public let reason: String
    /// How often the message had been delivered.
    public let attempts: Int

    public init(message: Message, reason: String, attempts: Int) {
        self.message = message
        self.reason = reason
        self.attempts = attempts
    }
}

/// The newest dead letters, within bounds.
struct DeadLetterList {
    static let maximumCount = 1000
    static let maximumBytes = 64 * 1024 * 1024

    private(set) var letters: Deque<DeadLetter> = []
    private var bytes = 0

    /// Appends a letter; forgets the oldest ones over the bounds, never the newest.
    mutating func append(_ letter: DeadLetter) {
        letters.append(letter)
        bytes += letter.message.body.count
        while letters.count > 1, letters.count > Self.maximumCount || bytes > Self.maximumBytes {
            bytes -= letters.removeFirst().message.body.count
        }
    }
}
