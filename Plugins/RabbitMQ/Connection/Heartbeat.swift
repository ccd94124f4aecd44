#if RabbitMQ
/// When to send a heartbeat, and when the peer is dead. No I/O, no clock.
///
/// One tick is a third of the agreed interval. A tick sends a heartbeat when nothing was written since the tick before,
/// so that the broker sees a byte at least every two thirds of the interval; a peer that was silent for two intervals is
/// dead (AMQP 0-9-1 §4.2.7).
struct Heartbeat: Sendable {
    enum Verdict: Hashable, Sendable {
        case nothing, send, dead
    }

    /// Between two ticks; `nil` when heartbeats are off.
    let tick: Duration?
    private var silentTicks = 0
    private var hasWritten = true

    /// `interval` in seconds, 0 for none.
    init(interval: UInt16) {
        tick = interval == 0 ? nil : .milliseconds(Int(interval) * 1000 / 3)
    }

    mutating func wrote() {
        hasWritten = true
    }

    mutating func read() {
        silentTicks = 0
    }

    mutating func ticked() -> Verdict {
        silentTicks += 1
        if silentTicks > 6 { return .dead }
        defer { hasWritten = false }
        return hasWritten ? .nothing : .send
    }
}
#endif
