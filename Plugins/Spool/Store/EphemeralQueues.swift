/// Handles of queues that die with their subscribers, so that not every reply opens its mailbox anew.
///
/// A few: each holds descriptors. The one that was not used for longest makes room.
struct EphemeralQueues {
    private static let limit = 64

    private var queues: [QueueName: (queue: Queue, used: UInt64)] = [:]
    private var clock: UInt64 = 0

    var all: [Queue] { queues.values.map(\.queue) }

    mutating func queue(_ name: QueueName) -> Queue? {
        clock += 1
        queues[name]?.used = clock
        return queues[name]?.queue
    }

    mutating func keep(_ queue: Queue) {
        clock += 1
        queues[queue.name] = (queue, clock)
        guard queues.count > Self.limit, let oldest = queues.min(by: { $0.value.used < $1.value.used }) else { return }
        queues[oldest.key] = nil
    }

    mutating func forget(_ queue: Queue) {
        if queues[queue.name]?.queue === queue { queues[queue.name] = nil }
    }
}
