/// Builds an object of members that come one by one: of those with one name the last counts, in the place of the first.
///
/// A name that was not there before is told by a mark, nearly always; of the rest, few members are compared one by one and
/// many are found by an index, so that no text makes this slow.
struct JSONObjectBuilder {
    private(set) var object = JSONObject()
    private var marks: UInt128 = 0
    /// Whether all members have their marks.
    private var isMarking = false
    private var index: [String: Int] = [:]
    /// The expected name of the last member, as long as all have had one and in their order: then none was there before.
    private var lastExpected: Int? = -1
    /// How many members have come since without one, for which marking all others was not worth it: the last of a document
    /// are not always told by their expected names.
    private var unexpected = 0
    private static let unexpectedLimit = 4

    /// Where it began with no room, it would grow from one to two to four.
    private let capacity: Int

    /// - Parameter capacity: of how many members there is room from the first one on.
    init(capacity: Int = 4) {
        self.capacity = capacity
    }

    mutating func set(_ key: String, _ value: JSONValue) {
        _ = place(setting: key, value)
    }

    /// Sets a member that was read.
    @inline(__always)
    mutating func set(_ name: MemberName, _ value: JSONValue) {
        if let expected = name.expected, let last = lastExpected, expected > last {
            lastExpected = expected
            if object.isEmpty { object.reserveCapacity(capacity) }
            return object.append(key: name.text, value: value)
        }
        set(name.text, value)
    }

    mutating func setValue(_ value: JSONValue, at place: Int) {
        object.setValue(value, at: place)
    }

    /// Sets a member, and returns its place.
    @inline(__always)
    mutating func place(setting key: String, _ value: JSONValue) -> Int {
        let count = object.count
        lastExpected = nil
        var place: Int?
        if count < 64 {
            if count == 0 { object.reserveCapacity(capacity) }
            if !isMarking, count == 0 || unexpected == Self.unexpectedLimit { beginMarking() }
            if isMarking {
                let mark = UInt128(1) << Self.mark(of: key)
                if marks & mark != 0 { place = object.place(of: key) }
                marks |= mark
            } else {
                unexpected += 1
                place = object.place(of: key)
            }
        } else {
            if index.isEmpty {
                for (position, member) in object.members.enumerated() { index[member.key] = position }
            }
            place = index[key]
            if place == nil { index[key] = count }
        }
        if let place {
            object.setValue(value, at: place)
            return place
        }
        object.append(key: key, value: value)
        return count
    }

    private mutating func beginMarking() {
        isMarking = true
        for member in object.members.prefix(64) { marks |= UInt128(1) << Self.mark(of: member.key) }
    }

    /// A number from 0 to 127 that is the same for the same names.
    @inline(__always)
    static func mark(of key: String) -> Int {
        var key = key
        return key.withUTF8 { utf8 in
            guard let first = utf8.first, let last = utf8.last else { return 0 }
            let middle = utf8[utf8.count / 2]
            return (utf8.count &* 31 &+ Int(first) &* 7 &+ Int(last) &* 13 &+ Int(middle) &* 3) & 127
        }
    }
}
