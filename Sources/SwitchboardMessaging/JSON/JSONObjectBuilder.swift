/// Builds an object of members that come one by one: of those with one name the last counts, in the place of the first.
///
/// A name that was not there before is told by a mark, nearly always; of the rest, few members are compared one by one and
/// many are found by an index, so that no text makes this slow.
struct JSONObjectBuilder {
    private(set) var object = JSONObject()
    private var marks: UInt128 = 0
    private var index: [String: Int] = [:]

    init(capacity: Int = 0) {
        if capacity > 0 { object.reserveCapacity(capacity) }
    }

    mutating func set(_ key: String, _ value: JSONValue) {
        if object.count < 64 {
            let mark = UInt128(1) << Self.mark(of: key)
            if marks & mark == 0 {
                object.append(key: key, value: value)
            } else {
                object[key] = value
            }
            marks |= mark
            return
        }
        if index.isEmpty {
            for (position, member) in object.enumerated() { index[member.key] = position }
        }
        if let position = index[key] {
            object.setValue(value, at: position)
        } else {
            index[key] = object.count
            object.append(key: key, value: value)
        }
    }

    /// A number from 0 to 127 that is the same for the same names.
    private static func mark(of key: String) -> Int {
        let utf8 = key.utf8
        var mark = utf8.count
        if let first = utf8.first, let last = utf8.last {
            let middle = utf8[utf8.index(utf8.startIndex, offsetBy: utf8.count / 2)]
            mark = mark &* 31 &+ Int(first) &* 7 &+ Int(last) &* 13 &+ Int(middle) &* 3
        }
        return mark & 127
    }
}
