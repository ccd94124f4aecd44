import SwitchboardMessaging

/// The types that Swift clients may use as generic arguments of an actor's methods.
///
/// An allow-list: a client sends their names, and a server that looked any name up could be made to build any type.
///
///     var types = GenericTypes()
///     types.register(Snapshot.self)
///     router.register(archive, genericTypes: types)
public struct GenericTypes: Sendable {
    private var types: [String: any Any.Type] = [:]

    /// Swift's numbers, `Bool`, `String` and `JSONValue`, and their arrays, optionals and dictionaries by string.
    public init() {
        register(Bool.self)
        register(String.self)
        register(Double.self)
        register(Float.self)
        register(Int.self)
        register(Int8.self)
        register(Int16.self)
        register(Int32.self)
        register(Int64.self)
        register(UInt.self)
        register(UInt8.self)
        register(UInt16.self)
        register(UInt32.self)
        register(UInt64.self)
        register(JSONValue.self)
    }

    /// Allows a type, and arrays, optionals and dictionaries by string of it.
    public mutating func register<Value: Codable & Sendable>(_ type: Value.Type) {
        for type: any Any.Type in [Value.self, [Value].self, Value?.self, [String: Value].self] {
            types[Self.name(of: type)] = type
        }
    }

    subscript(name: String) -> (any Any.Type)? { types[name] }

    /// What a type is called on the wire: its full name, as `Module.Type`.
    static func name(of type: any Any.Type) -> String { String(reflecting: type) }
}
