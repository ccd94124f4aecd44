#if RabbitMQ
import NIOCore

/// Decides when a connection pauses reading: for a moment after each read, if reads are frequent and can wait. No I/O, no
/// clock.
///
/// Everything that arrives during a pause is read at its end, in one wake-up. A connection that reads rarely never pauses,
/// because a pause costs a timer.
struct ReadingPauses {
    /// How long a pause lasts at most.
    static let length = TimeAmount.milliseconds(5)

    /// When the connection last read, or resumed reading.
    private var reading: NIODeadline?
    private(set) var isPausing = false

    /// The connection has read something.
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
