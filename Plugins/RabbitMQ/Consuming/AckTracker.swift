#if RabbitMQ
import DequeModule

/// The deliveries of one channel that are not yet settled at the broker, by its counting: the first one on a channel has
/// the tag 1. No I/O.
///
/// Acceptances are gathered and leave once per drain: one acknowledgement for everything up to a tag, where all below it
/// is settled, and single ones for what lies behind a gap.
struct AckTracker: Sendable {
    private enum Slot: Sendable {
        case unsettled
        /// Accepted by the program, the broker not yet told.
        case accepted
        /// The broker has been told.
        case told
    }

    private var slots: Deque<Slot> = []
    /// The tag of the first slot.
    private var firstTag: UInt64 = 1
    /// Accepted tags since the last drain.
    private var accepted: [UInt64] = []

    /// How many the broker holds as unsettled.
    private(set) var count = 0

    /// Notes a delivery. Throws when the broker's tag is not the next one.
    mutating func delivered(_ tag: UInt64) throws(ProtocolViolation) {
        let next = firstTag + UInt64(slots.count)
        guard tag == next else {
            throw ProtocolViolation("the broker sent the delivery \(tag) where \(next) is next")
        }
        slots.append(.unsettled)
        count += 1
    }

    /// The program accepted; ``drain()`` tells the broker.
    mutating func accept(_ tag: UInt64) {
        guard let index = unsettledIndex(of: tag) else { return }
        slots[index] = .accepted
        accepted.append(tag)
    }

    /// The program gave it back or threw it away; the caller tells the broker now. `false`: it was settled before.
    mutating func reject(_ tag: UInt64) -> Bool {
        guard let index = unsettledIndex(of: tag) else { return false }
        slots[index] = .told
        count -= 1
        return true
    }

    /// The broker is told that everything unsettled goes back.
    mutating func rejectAll() {
        for index in slots.indices where slots[index] == .unsettled {
            slots[index] = .told
            count -= 1
        }
    }

    /// The acknowledgements to send for what was accepted since the last time.
    mutating func drain() -> [OutgoingMethod] {
        guard !accepted.isEmpty else { return [] }
        var methods: [OutgoingMethod] = []
        var lastOfPrefix: UInt64?
        while let first = slots.first, first != .unsettled {
            if first == .accepted {
                lastOfPrefix = firstTag
                count -= 1
            }
            slots.removeFirst()
            firstTag += 1
        }
        if let lastOfPrefix {
            methods.append(.ack(tag: lastOfPrefix, multiple: true))
        }
        for tag in accepted where tag >= firstTag {
            slots[Int(tag - firstTag)] = .told
            count -= 1
            methods.append(.ack(tag: tag, multiple: false))
        }
        accepted.removeAll(keepingCapacity: true)
        return methods
    }

    private func unsettledIndex(of tag: UInt64) -> Int? {
        guard tag >= firstTag, tag - firstTag < UInt64(slots.count) else { return nil }
        let index = Int(tag - firstTag)
        return slots[index] == .unsettled ? index : nil
    }
}
#endif
