/// Which members of an object were asked for, by their places.
struct JSONKeyUsage {
    private var used: UInt64 = 0
    private var usedBeyond: Set<Int> = []
    private var isAllUsed = false
    private let count: Int

    init(count: Int) {
        self.count = count
    }

    mutating func use(_ place: Int) {
        if place < 64 { used |= 1 << UInt64(place) } else { usedBeyond.insert(place) }
    }

    mutating func useAll() {
        isAllUsed = true
    }

    var firstUnused: Int? {
        if isAllUsed { return nil }
        let place = min((~used).trailingZeroBitCount, count)
        if place < min(count, 64) { return place }
        return count > 64 ? (64..<count).first { !usedBeyond.contains($0) } : nil
    }
}
