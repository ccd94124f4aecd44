public import Distributed
import SwitchboardMessaging

/// Takes down the arguments of one remote call, by name.
public struct ActorInvocationEncoder: DistributedTargetInvocationEncoder {
    public typealias SerializationRequirement = any Codable

    private(set) var arguments = JSONObject()
    /// Apart, because a call through a protocol always has one: its stub.
    private var firstSubstitution: (any Any.Type)?
    private var moreSubstitutions: [any Any.Type] = []

    public mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        if firstSubstitution == nil { firstSubstitution = type } else { moreSubstitutions.append(type) }
    }

    public mutating func recordArgument<Value: Codable>(_ argument: RemoteCallArgument<Value>) throws {
        let name = argument.label ?? argument.name
        guard arguments.isEmpty || arguments[name] == nil else { throw Self.doubleArgument(name) }
        do {
            arguments.append(key: name, value: try JSONValue(encoding: argument.value))
        } catch {
            throw RPCError(.invalidArguments, "The argument \(name) cannot be encoded: \(error)", cause: error)
        }
    }

    public mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}

    public mutating func recordReturnType<R: Codable>(_ type: R.Type) throws {}

    public mutating func doneRecording() throws {}

    /// What a Swift server finds the method by: its identifier, and the names of what it is generic over.
    func swiftTarget(_ name: TargetNames.Name, _ identifier: String) -> JSONValue {
        var types = moreSubstitutions
        if let firstSubstitution, !name.isThroughProtocol { types.insert(firstSubstitution, at: 0) }
        if types.isEmpty { return .string(identifier) }
        return .array([.string(identifier)] + types.map { .string(GenericTypes.name(of: $0)) })
    }

    static func doubleArgument(_ name: String) -> RPCError {
        RPCError(
            .invalidArguments,
            "Two arguments are called \(name), and on the wire arguments are told apart by their names. Give one another "
                + "label, or another name in the interface.")
    }
}
