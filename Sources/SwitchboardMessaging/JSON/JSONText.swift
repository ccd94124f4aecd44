/// The text that a ``JSONTextEncoder`` writes, and where in it that is.
final class JSONText {
    /// Why nothing more is encoded. Never thrown to a caller of the encoder.
    private struct GivenUp: Error {}

    enum Kind { case nothing, value, object, array }

    /// A value that is being written.
    private struct Level {
        /// Differs for all.
        let number: Int
        var kind = Kind.nothing
        var isFirst = true
        var count = 0
        /// Where its text begins.
        var start = 0
        /// Of its members' names: as long as one has a mark of its own, it wasn't there before.
        var marks: UInt128 = 0
    }

    /// Of one that has more, looking for its names would take long.
    private static let maximumMembers = 64
    /// Through how much text a name is looked for.
    private static let maximumSearch = 4096
    /// Peers read eight times as much.
    private static let maximumDepth = 32

    // What changes with every member is not looked at for overlapping accesses: nothing is called during one.
    @exclusivity(unchecked) var writer = JSONWriter.nested()
    /// The innermost value; those around it wait on the stack.
    @exclusivity(unchecked) private var level = Level(number: 0)
    private var levels = 0
    private var depth = 0
    private var hasGivenUp = false

    /// Writes a value; returns `false` where that is given up or it isn't an object.
    func writeObject(_ value: some Encodable) -> Bool {
        do {
            try value.encode(to: JSONTextEncoder(text: self, level: 0))
        } catch {
            giveUp()
        }
        // An encoder that outlives this call writes nothing.
        defer { level = Level(number: -1) }
        guard !hasGivenUp, level.kind == .object || level.kind == .nothing else { return false }
        end()
        return true
    }

    // MARK: What encoders and containers do

    func begin(_ kind: Kind, _ number: Int) {
        guard number == level.number, level.kind == .nothing else {
            // As the containers of a class and of its superclass do.
            if number != level.number || level.kind != kind { giveUp() }
            return
        }
        level.kind = kind
        level.start = writer.length
        if kind == .object { writer.beginObject() } else { writer.beginArray() }
    }

    func count(of number: Int) -> Int {
        if number != level.number { giveUp() }
        return level.count
    }

    func setValue(of number: Int, _ write: (JSONText) throws -> Void) rethrows {
        guard number == level.number, level.kind == .nothing, !hasGivenUp else { return giveUp() }
        level.kind = .value
        try write(self)
    }

    func append(to number: Int, _ write: (JSONText) throws -> Void) throws {
        guard number == level.number, level.kind == .array, !hasGivenUp else { throw givingUp() }
        writer.separate(isFirst: &level.isFirst)
        level.count += 1
        try write(self)
    }

    func setMember(_ key: String, of number: Int, _ write: (JSONText) throws -> Void) throws {
        guard number == level.number, level.kind == .object, level.count < Self.maximumMembers, !hasGivenUp else {
            throw givingUp()
        }
        writer.separate(isFirst: &level.isFirst)
        level.count += 1
        let (place, mark) = (writer.length, UInt128(1) << JSONObjectBuilder.mark(of: key))
        var isFirst = true
        writer.key(key, isFirst: &isFirst)
        // With escapes in them, two may be the same name for Swift.
        guard writer.length - place == key.utf8.count + 6 else { throw givingUp() }
        if level.marks & mark != 0 {
            guard place - level.start <= Self.maximumSearch, !writer.hasTwice(from: place, since: level.start) else {
                throw givingUp()
            }
        }
        level.marks |= mark
        try write(self)
    }

    /// An encoder that doesn't write anything.
    func givenUp() -> JSONValueEncoder {
        giveUp()
        return JSONValueEncoder(codingPath: [])
    }

    func noPath() -> [any CodingKey] {
        giveUp()
        return []
    }

    private func giveUp() {
        hasGivenUp = true
    }

    private func givingUp() -> GivenUp {
        giveUp()
        return GivenUp()
    }

    // MARK: Values

    func write(_ value: JSONValue) throws {
        guard !value.isNested(deeperThan: Self.maximumDepth) else { throw givingUp() }
        writer.write(value)
    }

    private func write(_ strings: [String]) {
        writer.beginArray()
        var isFirst = true
        for string in strings {
            writer.separate(isFirst: &isFirst)
            writer.write(string)
        }
        writer.endArray()
    }

    func write<T: Encodable>(encoding value: T) throws {
        // Casts take long, also to the type that a value has.
        if T.self == String.self { return writer.write(unsafeBitCast(value, to: String.self)) }
        if T.self == Int.self { return writer.write(Int64(unsafeBitCast(value, to: Int.self))) }
        if T.self == Bool.self { return writer.write(.bool(unsafeBitCast(value, to: Bool.self))) }
        if T.self == JSONValue.self { return try write(unsafeBitCast(value, to: JSONValue.self)) }
        if T.self == [String].self { return write(unsafeBitCast(value, to: [String].self)) }
        guard depth < Self.maximumDepth else { throw givingUp() }
        let outer = level
        levels += 1
        level = Level(number: levels)
        depth += 1
        do {
            try value.encode(to: JSONTextEncoder(text: self, level: levels))
        } catch {
            // The caller may catch the error and go on.
            giveUp()
            throw error
        }
        end()
        depth -= 1
        level = outer
    }

    /// A type that encodes nothing, such as an empty struct, is an empty object.
    private func end() {
        switch level.kind {
        case .value: break
        case .array: writer.endArray()
        case .object: writer.endObject()
        case .nothing:
            writer.beginObject()
            writer.endObject()
        }
    }
}
