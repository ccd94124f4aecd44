import SwitchboardMessaging

/// A named argument of a method that Python clients call.
public struct ActorArgument<Value: Codable & Sendable>: Sendable {
    /// The name that clients send.
    public let name: String
    /// What it is when a client leaves it out; `nil`: the client gets a `TypeError` then.
    let defaultValue: Value?

    /// An argument that clients have to give; or, where its type is an optional, may leave out, or give as `None`.
    public init(_ name: String, _ type: Value.Type = Value.self) {
        self.name = name
        defaultValue = Value.self is any OptionalArgument.Type ? try? JSONValue.null.decode(Value.self) : nil
    }

    /// An argument that clients may leave out.
    public init(_ name: String, default value: Value) {
        self.name = name
        defaultValue = .some(value)
    }

    func value(in arguments: JSONObject, of method: String) throws -> Value {
        guard let value = arguments[name] else {
            if let defaultValue { return defaultValue }
            throw RemoteError.typeError("\(method)() missing 1 required positional argument: '\(name)'")
        }
        do {
            return try value.decode(Value.self)
        } catch {
            throw RemoteError.typeError("\(method)() got an argument '\(name)' that does not fit: \(error)")
        }
    }
}

private protocol OptionalArgument {}

extension Optional: OptionalArgument {}
