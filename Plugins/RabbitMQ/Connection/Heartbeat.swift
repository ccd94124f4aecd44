#if RabbitMQ
/// When to send a heartbeat, and when the peer is dead. No I/O, no clock.
///
/// One tick is a third of the agreed interval, and each sends a heartbeat, whatever else was written: the broker sees a byte
/// every third of it, and nothing has to be remembered that could be wrong. A peer that was silent for two intervals is
/// dead (AMQP 0-9-1 §4.2.7).
struct Heartbeat: Sendable {
    enum Verdict: Hashable, Sendable {
        case send, dead
    }

    /// Between two ticks; `nil` when heartbeats are off.
    let tick: Duration?
    private var silentTicks = 0

    /// `interval` in seconds, 0 for none.
    init(interval: UInt16) {
        tick = interval == 0 ? nil : .milliseconds(Int(interval) * 1000 / 3)
    }

    mutating func read() {
        silentTicks = 0
    }

    mutating func ticked() -> Verdict {
        silentTicks += 1
        return silentTicks > 6 ? .dead : .send
    }
}
#endif
