/// The members of a JSON object, in order: peers write them in a fixed one, and so do we.
///
/// Made for the few members of messages: looking one up takes time in proportion to their number. Two objects are equal
/// when they have the same members, in whatever order.
public struct JSONObject: Sendable {
    public typealias Element = (key: String, value: JSONValue)

    /// As a tuple, its destruction would not be specialised.
    struct Member: Sendable {
        var key: String
        var value: JSONValue

        /// Most names differ in length, and of that a string knows.
        @inline(__always)
        fileprivate func has(_ name: String) -> Bool {
            key.utf8.count == name.utf8.count && key == name
        }
    }

    private(set) var members: [Member] = []

    public init() {}

    /// The value of a member. Setting one that is there keeps its place; setting `nil` removes it.
    public subscript(key: String) -> JSONValue? {
        get {
            for member in members where member.key == key { return member.value }
            return nil
        }
        set {
            guard let newValue else {
                removeValue(forKey: key)
                return
            }
            if let index = members.firstIndex(where: { $0.key == key }) {
                members[index].value = newValue
            } else {
                members.append(Member(key: key, value: newValue))
            }
        }
    }

    /// Adds a member that is not there yet, without looking for it.
    public mutating func append(key: String, value: JSONValue) {
        members.append(Member(key: key, value: value))
    }

    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSONValue? {
        guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
        return members.remove(at: index).value
    }

    public mutating func reserveCapacity(_ capacity: Int) {
        members.reserveCapacity(capacity)
    }

    /// Where a member is.
    func place(of key: String) -> Int? {
        members.firstIndex { $0.has(key) }
    }

    /// Where a member is: nearly always at the place of the one that was asked for before, or behind that.
    @inline(__always)
    func place(of key: String, near last: Int) -> Int? {
        for place in last..<last + 2 where place < members.count && members[place].has(key) { return place }
        return place(of: key)
    }

    mutating func setValue(_ value: JSONValue, at index: Int) {
        members[index].value = value
    }

    public var keys: [String] {
        members.map(\.key)
    }
}

extension JSONObject: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { members.count }
    public subscript(position: Int) -> Element { (members[position].key, members[position].value) }
}

extension JSONObject: Hashable {
    public static func == (one: JSONObject, other: JSONObject) -> Bool {
        guard one.count == other.count else { return false }
        for (index, member) in one.members.enumerated() {
            let twin = other.members[index]
            if twin.key == member.key {
                guard twin.value == member.value else { return false }
            } else if other[member.key] != member.value {
                return false
            }
        }
        return true
    }

    public func hash(into hasher: inout Hasher) {
        var combined = 0
        for member in members {
            var hasher = Hasher()
            hasher.combine(member.key)
            hasher.combine(member.value)
            combined ^= hasher.finalize()
        }
        hasher.combine(combined)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements { self[key] = value }
    }
}

extension JSONObject: CustomStringConvertible {
    /// The object as JSON text.
    public var description: String {
        JSONValue.object(self).description
    }
}
