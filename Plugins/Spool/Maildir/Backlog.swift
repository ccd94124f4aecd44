/// The names of waiting messages, smallest first: a heap of at most so many, and whether there are more on the disk.
struct Backlog {
    private(set) var names: [MessageName] = []
    /// Set when names were left out; those beyond it are found by the next scan.
    private(set) var horizon: MessageName?
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    var isEmpty: Bool { names.isEmpty }

    /// Whether a scan would find more.
    var needsScan: Bool { names.isEmpty && horizon != nil }

    /// Replaces all by what `scan` finds, in any order. Needs room for twice the capacity, however long the directory is.
    mutating func replace<Failure>(_ scan: ((MessageName) -> Void) throws(Failure) -> Void) throws(Failure) {
        names.removeAll(keepingCapacity: true)
        horizon = nil
        try scan { name in
            if let horizon, horizon < name { return }
            names.append(name)
            if names.count >= 2 * capacity { cut() }
        }
        cut()
    }

    /// Keeps the smallest. A sorted array is a heap.
    private mutating func cut() {
        names.sort()
        guard names.count > capacity else { return }
        horizon = names[capacity - 1]
        names.removeLast(names.count - capacity)
    }

    mutating func insert(_ name: MessageName) {
        if let horizon, horizon < name { return }
        if names.count >= 2 * capacity {
            cut()
            if let horizon, horizon < name { return }
        }
        names.append(name)
        var child = names.count - 1
        while child > 0, names[child] < names[(child - 1) / 2] {
            names.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> MessageName? {
        guard let first = names.first, let last = names.popLast() else { return nil }
        guard !names.isEmpty else { return first }
        names[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < names.count else { return first }
            if child + 1 < names.count, names[child + 1] < names[child] { child += 1 }
            guard names[child] < names[parent] else { return first }
            names.swapAt(parent, child)
            parent = child
        }
    }
}
