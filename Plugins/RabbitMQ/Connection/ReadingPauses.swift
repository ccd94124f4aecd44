#if RabbitMQ
import NIOCore

/// When a connection pauses reading: for a moment after it has read, if that can wait and comes often. No I/O, no clock.
///
/// What comes during a pause is read together at its end. Who reads seldom is better off without: a pause costs a timer.
struct ReadingPauses {
    /// The longest time that what has come lies unread.
    static let length = TimeAmount.milliseconds(5)

    /// When it last read, or began to read again.
    private var reading: NIODeadline?
    private(set) var isPausing = false

    /// Something was read.
    ///
    /// - Returns: whether a pause begins.
    mutating func read(at now: NIODeadline, canWait: Bool) -> Bool {
        defer { reading = now }
        guard canWait, !isPausing, let reading, now - reading < Self.length else { return false }
        isPausing = true
        return true
    }

    /// - Returns: whether there was a pause.
    mutating func end(at now: NIODeadline) -> Bool {
        guard isPausing else { return false }
        isPausing = false
        reading = now
        return true
    }
}
#endif
