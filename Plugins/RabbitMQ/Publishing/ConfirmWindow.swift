#if RabbitMQ
import DequeModule

/// The publishes of one channel that are written and not yet confirmed, by the broker's counting: the first one on a
/// channel has the tag 1. No I/O.
///
/// Confirms come singly or for all tags up to one, and not always in order; a slot that is confirmed out of order waits
/// until it is at the front. Both are O(1) per publish. A publish that nobody waits for any more takes no room, and its
/// confirm is still expected.
struct ConfirmWindow<Element> {
    private struct Slot {
        var element: Element?
        var isAbandoned = false
    }

    private var slots: Deque<Slot> = []
    /// The tag of the first slot.
    private var firstTag: UInt64 = 1

    /// How many are unconfirmed, without the abandoned ones.
    private(set) var count = 0
    /// How many are unconfirmed and abandoned.
    private(set) var abandoned = 0

    /// The number of elements from which on those that no caller waits for are given up.
    private var sweepsAt = 4096

    /// Whether it is time for ``abandon(_:)``: so seldom that looking at all costs each little.
    var isSweepDue: Bool { count >= sweepsAt }

    /// Notes a publish that was written, and returns its tag.
    @discardableResult
    mutating func append(_ element: Element) -> UInt64 {
        slots.append(Slot(element: element))
        count += 1
        return firstTag + UInt64(slots.count - 1)
    }

    /// A confirm, positive or negative. Hands out what it settles, in tag order; `multiple` with tag 0 means all.
    /// Throws for a tag that was never given out; one that was settled before is ignored.
    mutating func settle(
        _ tag: UInt64, multiple: Bool, _ body: (Element) -> Void
    ) throws(ProtocolViolation) {
        let next = firstTag + UInt64(slots.count)
        guard tag < next else {
            throw ProtocolViolation("the broker confirmed the publish \(tag), and the last one was \(next - 1)")
        }
        if multiple {
            let last = tag == 0 ? next - 1 : tag
            while firstTag <= last, !slots.isEmpty {
                settleSlot(0, body)
                slots.removeFirst()
                firstTag += 1
            }
        } else if tag >= firstTag {
            settleSlot(Int(tag - firstTag), body)
        }
        while let first = slots.first, first.element == nil, !first.isAbandoned {
            slots.removeFirst()
            firstTag += 1
        }
    }

    private mutating func settleSlot(_ index: Int, _ body: (Element) -> Void) {
        if slots[index].isAbandoned {
            slots[index].isAbandoned = false
            abandoned -= 1
        }
        if let element = take(index) { body(element) }
    }

    private mutating func take(_ index: Int) -> Element? {
        guard let element = slots[index].element.take() else { return nil }
        count -= 1
        return element
    }

    /// Gives up those unconfirmed elements for which `isOver` is true.
    mutating func abandon(_ isOver: (Element) -> Bool) {
        for index in slots.indices {
            guard let element = slots[index].element, isOver(element) else { continue }
            _ = take(index)
            slots[index].isAbandoned = true
            abandoned += 1
        }
        sweepsAt = max(4096, count * 2)
    }

    /// Changes unconfirmed elements, oldest first, until `body` returns `true`. `false` when it never did.
    mutating func update(_ body: (inout Element) -> Bool) -> Bool {
        for index in slots.indices where slots[index].element != nil {
            if body(&slots[index].element!) { return true }
        }
        return false
    }

    /// Whether one of the unconfirmed elements is such a one.
    func contains(where isSuch: (Element) -> Bool) -> Bool {
        slots.contains { $0.element.map(isSuch) ?? false }
    }

    /// The channel is gone: everything unconfirmed in tag order. Tags count from 1 again.
    mutating func reset() -> [Element] {
        let elements = slots.compactMap(\.element)
        self = ConfirmWindow()
        return elements
    }
}
#endif
