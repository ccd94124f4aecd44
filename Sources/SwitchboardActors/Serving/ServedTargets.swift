import Distributed
import SwitchboardCore
import SwitchboardMessaging

/// The distributed methods of one actor, as Swift clients ask for them.
final class ServedTargets<Act: DistributedActor>: Sendable where Act.ActorSystem == SwitchboardActorSystem {
    private let actor: Act
    private let genericTypes: GenericTypes
    /// The mangled name of the actor's type; empty where there is none.
    private let mangledType: String
    /// What the runtime calls the actor's type in the names of its methods.
    private let ownTitle: String?
    /// Why no method of the actor can be looked up; `nil`: they can.
    private let obstacle: String?
    /// The methods that identifiers were found to mean. Not without end, as peers make up stubs.
    private let known = Locked<[String: Target]>([:])

    private static var maximumKnown: Int { 256 }

    /// The titles of the program's own methods, which are only so many. Asked twice, the runtime would keep memory twice.
    private let titles = Locked<[String: TargetTitle?]>([:])

    private struct Target: Sendable {
        let title: TargetTitle
        let mangled: MangledTarget
    }

    init(_ actor: Act, genericTypes: GenericTypes) {
        self.actor = actor
        self.genericTypes = genericTypes
        mangledType = _mangledTypeName(Act.self) ?? ""
        // No method's identifier, but one that names the type as theirs do.
        ownTitle = TargetTitle(of: "$s\(mangledType)1xyyYaKFTE")?.owner
        // The mangled name of a generic type ends so.
        if mangledType.last == "G" {
            obstacle =
                "\(Act.self) is a generic actor, and only a table can serve its methods. List them in ActorMethods."
        } else if mangledType.contains("yXZ") || (ownTitle ?? "").isEmpty {
            // The runtime doesn't know the full names of such types.
            obstacle =
                "\(Act.self) is private or inside a function, and only a table can serve the methods of such a type. List "
                + "them in ActorMethods, or make the type internal."
        } else if ProgramTargets.identifiers.isEmpty {
            obstacle = "On this platform only a table can serve the methods of an actor. List them in ActorMethods."
        } else {
            obstacle = nil
        }
    }

    /// What serves a request for a target; `nil` when it isn't one of the actor's, or isn't called `method`: that is the name
    /// that access policies and middleware have seen.
    func handler(for method: String, _ swiftTarget: JSONValue) -> RPCRouter.Handler? {
        let names: [String]
        switch swiftTarget {
        case .string(let identifier): names = [identifier]
        case .array(let elements): names = elements.compactMap(\.string)
        default: return nil
        }
        if let obstacle { return { _, _ in throw Self.unsupported(obstacle) } }
        guard let identifier = names.first else { return nil }
        guard let target = target(identifier) else { return refusal(of: identifier, method) }
        guard target.title.base == method else { return nil }
        return { arguments, context in
            try await withRequestContext(context) {
                try await self.execute(target, arguments, genericArguments: names.dropFirst())
            }
        }
    }

    private func target(_ identifier: String) -> Target? {
        if let target = known.withLock({ $0[identifier] }) { return target }
        guard let mangled = MangledTarget(identifier, of: mangledType),
            ProgramTargets.identifiers.contains(mangled.own), let title = title(of: mangled.own),
            title.owner == ownTitle
        else { return nil }
        let target = Target(title: title, mangled: mangled)
        known.withLock { known in
            if known.count < Self.maximumKnown { known[identifier] = target }
        }
        return target
    }

    private func title(of identifier: String) -> TargetTitle? {
        if let title = titles.withLock({ $0[identifier] }) { return title }
        let title = TargetTitle(of: identifier)
        titles.withLock { $0[identifier] = .some(title) }
        return title
    }

    /// Says why a call through a protocol finds no method; `nil` for anything else.
    private func refusal(of identifier: String, _ method: String) -> RPCRouter.Handler? {
        guard let mangled = MangledTarget(identifier, of: mangledType), mangled.isThroughProtocol else { return nil }
        if mangled.isGeneric {
            let error = Self.unsupported(
                "\(method)() is generic, and Swift cannot execute generic methods that are called through a protocol. "
                    + "Resolve the actor's own type, or list the method for each type in ActorMethods.")
            return { _, _ in throw error }
        }
        var error = RemoteError.noSuchMethod(method)
        error.message +=
            ", called through a protocol: \(Act.self) has no method of the same Swift signature. List it in ActorMethods."
        return { [error] _, _ in throw error }
    }

    private func execute(
        _ target: Target, _ arguments: JSONObject, genericArguments: ArraySlice<String>
    ) async throws -> JSONValue {
        let method = target.title.base
        var decoder = ActorInvocationDecoder(
            try Self.ordered(arguments, target.title), substitutions: try substitutions(target, genericArguments),
            method: method)
        let handler = ActorResultHandler()
        do {
            try await actor.actorSystem.executeDistributedTarget(
                on: actor, target: RemoteCallTarget(target.mangled.own), invocationDecoder: &decoder, handler: handler)
            return try handler.result()
        } catch let error as ExecuteDistributedTargetError {
            switch error.errorCode {
            case .invalidGenericSubstitutions, .missingGenericSubstitutions:
                throw RemoteError.typeError("\(method)() got generic arguments that do not fit")
            default: throw RemoteError.noSuchMethod(method)
            }
        }
    }

    /// The arguments in the order in which the method takes them.
    private static func ordered(
        _ arguments: JSONObject, _ title: TargetTitle
    ) throws -> [(name: String, value: JSONValue)] {
        for (key, _) in arguments.dropFirst(title.labels.count) {
            throw RemoteError.typeError("\(title.base)() got an unexpected keyword argument '\(key)'")
        }
        return try title.labels.enumerated().map { index, label in
            if label == "_", index < arguments.count { return (arguments[index].key, arguments[index].value) }
            guard label != "_", let value = arguments[label] else {
                throw RemoteError.typeError(
                    "\(title.base)() missing 1 required positional argument: '\(label == "_" ? "\(index + 1)" : label)'"
                )
            }
            return (label, value)
        }
    }

    /// The types that the runtime calls the method with.
    private func substitutions(_ target: Target, _ names: ArraySlice<String>) throws -> [any Any.Type] {
        guard target.mangled.isGeneric else { return [] }
        return try names.map { name in
            guard let type = genericTypes[name] else {
                throw RemoteError.typeError(
                    "\(target.title.base)() got the generic argument \(name), which isn't among the server's GenericTypes. "
                        + "Register it there.")
            }
            return type
        }
    }

    private static func unsupported(_ message: String) -> RemoteError {
        RemoteError(className: "NotImplementedError", message: message)
    }
}
