/// Calls in slots that their ids name: a reply's call is found with no hash.
///
/// A slot is the lower bits of an id. Ids are random, as oslo.messaging's are. One whose slot is taken is drawn again: at most
/// one in four. A larger table has more bits, so calls of different slots never meet in one.
struct CallTable<Call: AnyObject> {
    private struct Slot {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var call: Call?
    }

    private static var smallestCapacity: Int { 64 }

    private var slots: [Slot]
    private(set) var count = 0

    init() {
        slots = Array(repeating: Slot(), count: Self.smallestCapacity)
    }

    /// How many slots there are: a power of two.
    var capacity: Int { slots.count }

    @inline(__always)
    private func slot(of low: UInt64) -> Int { Int(truncatingIfNeeded: low) & (slots.count - 1) }

    /// Draws an id, and adds the call that it is given to.
    ///
    /// - Parameter number: gives random numbers, of which all lower bits are random.
    mutating func add(
        _ number: () -> (high: UInt64, low: UInt64) = UniqueID.number, _ make: (_ high: UInt64, _ low: UInt64) -> Call
    ) -> Call {
        if count * 4 >= slots.count { grow() }
        while true {
            let (high, low) = number()
            let index = slot(of: low)
            guard slots[index].call == nil else { continue }
            let call = make(high, low)
            slots[index] = Slot(high: high, low: low, call: call)
            count += 1
            return call
        }
    }

    @inline(__always)
    func call(_ high: UInt64, _ low: UInt64) -> Call? {
        let index = slot(of: low)
        guard slots[index].low == low, slots[index].high == high else { return nil }
        return slots[index].call
    }

    /// - Returns: `false` if it isn't there.
    @discardableResult
    mutating func remove(_ high: UInt64, _ low: UInt64) -> Bool {
        let index = slot(of: low)
        guard slots[index].low == low, slots[index].high == high, slots[index].call != nil else { return false }
        slots[index].call = nil
        count -= 1
        // What one rush took is not looked through for ever.
        if count == 0, slots.count > Self.smallestCapacity * 16 { self = Self() }
        return true
    }

    var all: [Call] { slots.compactMap(\.call) }

    private mutating func grow() {
        var larger = Array(repeating: Slot(), count: slots.count * 2)
        for slot in slots where slot.call != nil {
            larger[Int(truncatingIfNeeded: slot.low) & (larger.count - 1)] = slot
        }
        slots = larger
    }
}
