/// A dictionary that keeps its order and holds so many entries at most: one more takes the oldest's place.
struct Bounded<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let limit: Int
    private var entries: [Key: (value: Value, number: UInt64)] = [:]
    /// Keys in their order, with those that were removed since; a number that isn't the entry's is of one that is gone.
    private var order: [(key: Key, number: UInt64)] = []
    private var first = 0
    private var next: UInt64 = 0

    init(_ limit: Int) {
        self.limit = max(1, limit)
    }

    var count: Int { entries.count }

    subscript(key: Key) -> Value? { entries[key]?.value }

    /// Adds an entry. Returns the oldest, where it had to go.
    mutating func set(_ key: Key, _ value: Value) -> Value? {
        var removed: Value?
        if entries[key] == nil, entries.count >= limit, let oldest { removed = remove(oldest.key) }
        entries[key] = (value, next)
        order.append((key, next))
        next += 1
        compact()
        return removed
    }

    /// Changes an entry in its place in the order. Returns whether there is one.
    @discardableResult
    mutating func update(_ key: Key, _ change: (inout Value) -> Void) -> Bool {
        guard entries[key] != nil else { return false }
        change(&entries[key]!.value)
        return true
    }

    mutating func replace(_ key: Key, _ value: Value) {
        update(key) { $0 = value }
    }

    @discardableResult
    mutating func remove(_ key: Key) -> Value? {
        let value = entries.removeValue(forKey: key)?.value
        while first < order.count, !isThere(order[first]) { first += 1 }
        compact()
        return value
    }

    var oldest: (key: Key, value: Value)? {
        guard first < order.count, let entry = entries[order[first].key] else { return nil }
        return (order[first].key, entry.value)
    }

    /// Those that a condition holds for, in their order.
    func all(where isWanted: (Value) -> Bool) -> [(key: Key, value: Value)] {
        order[first...].compactMap { place in
            guard isThere(place), let value = entries[place.key]?.value, isWanted(value) else { return nil }
            return (place.key, value)
        }
    }

    private func isThere(_ place: (key: Key, number: UInt64)) -> Bool { entries[place.key]?.number == place.number }

    /// Forgets what was removed, now and then, so that the order is at most twice as long as what is there.
    private mutating func compact() {
        while first < order.count, !isThere(order[first]) { first += 1 }
        guard order.count > 64, order.count > 2 * entries.count else { return }
        order = order[first...].filter { isThere($0) }
        first = 0
    }
}
