public import Distributed
import SwitchboardMessaging

/// Gives Swift's runtime the arguments of a request, one after the other.
public struct ActorInvocationDecoder: DistributedTargetInvocationDecoder {
    public typealias SerializationRequirement = any Codable

    private var arguments: ArraySlice<(name: String, value: JSONValue)>
    private let substitutions: [any Any.Type]
    private let method: String

    init(_ arguments: [(name: String, value: JSONValue)], substitutions: [any Any.Type], method: String) {
        self.arguments = arguments[...]
        self.substitutions = substitutions
        self.method = method
    }

    public mutating func decodeGenericSubstitutions() throws -> [any Any.Type] { substitutions }

    public mutating func decodeNextArgument<Argument: Codable>() throws -> Argument {
        guard let (name, value) = arguments.popFirst() else {
            throw RemoteError.typeError("\(method)() got too few arguments")
        }
        do {
            return try value.decode(Argument.self)
        } catch {
            throw RemoteError.typeError("\(method)() got an argument '\(name)' that does not fit: \(error)")
        }
    }

    public mutating func decodeErrorType() throws -> (any Any.Type)? { nil }

    public mutating func decodeReturnType() throws -> (any Any.Type)? { nil }
}
