import SwitchboardCore

/// Batches in the making, one for each priority. A value without time of its own.
struct NotificationBatches<Element> {
    typealias Instant = Moment

    private struct Batch {
        var elements: [Element]
        /// When it goes out, full or not.
        let deadline: Instant
    }

    private let size: Int
    private let timeout: Duration
    private var batches: [NotificationPriority: Batch] = [:]

    init(size: Int, timeout: Duration) {
        self.size = size
        self.timeout = timeout
    }

    /// When the next batch goes out that is not full by then.
    var nextDeadline: Instant? {
        var first: Instant?
        // By hand: a key path of a generic type is made anew each time, and this is asked for each notification.
        for batch in batches.values { first = min(first ?? batch.deadline, batch.deadline) }
        return first
    }

    /// What an element made of its batch.
    enum Addition {
        /// Taken out.
        case full([Element])
        /// The first one of a new batch: ``nextDeadline`` may be another.
        case first
        case further
    }

    mutating func add(
        _ element: Element, priority: NotificationPriority, now: @autoclosure () -> Instant
    ) -> Addition {
        guard let index = batches.index(forKey: priority) else {
            if size == 1 { return .full([element]) }
            var elements: [Element] = []
            elements.reserveCapacity(min(size, 1024))
            elements.append(element)
            batches[priority] = Batch(elements: elements, deadline: now() + timeout)
            return .first
        }
        batches.values[index].elements.append(element)
        guard batches.values[index].elements.count >= size else { return .further }
        return .full(batches.remove(at: index).value.elements)
    }

    /// Takes out the batches whose time has come, the oldest first.
    mutating func takeDue(now: Instant) -> [[Element]] {
        take { $0.deadline <= now }
    }

    /// Takes out all batches, the oldest first.
    mutating func takeAll() -> [[Element]] {
        take { _ in true }
    }

    private mutating func take(where isDue: (Batch) -> Bool) -> [[Element]] {
        let due = batches.filter { isDue($0.value) }
        for priority in due.keys { batches[priority] = nil }
        return due.values.sorted { $0.deadline < $1.deadline }.map(\.elements)
    }
}

extension NotificationBatches.Addition: Equatable where Element: Equatable {}
