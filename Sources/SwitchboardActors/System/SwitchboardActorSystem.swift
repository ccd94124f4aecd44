public import Distributed
import SwitchboardCore
public import SwitchboardMessaging

/// Distributed actors over message queues: a call of a remote actor is an RPC request that any oslo.messaging server
/// understands, and a local actor serves requests that any oslo.messaging client sends.
///
///     @Resolvable
///     protocol Compute: DistributedActor where ActorSystem == SwitchboardActorSystem {
///         distributed func reboot(instance: String, hard: Bool) async throws -> Bool
///     }
///
///     let system = SwitchboardActorSystem(connection)
///     let compute = try $Compute.resolve(id: .init(topic: "compute", server: "host1"), using: system)
///     let isDone = try await compute.reboot(instance: uuid, hard: true)
///
/// A call goes through the queue of `RequestContext.current`, which is a cell's within
/// `withTargetCell`, else through the process's own. It has the deadlines, the cancellation, the errors, the traces and
/// the metrics of `RPCClient`, since one sends it.
///
/// To serve an actor, register it with an `RPCRouter`.
public final class SwitchboardActorSystem: DistributedActorSystem {
    public typealias ActorID = SwitchboardActorID
    public typealias InvocationEncoder = ActorInvocationEncoder
    public typealias InvocationDecoder = ActorInvocationDecoder
    public typealias ResultHandler = ActorResultHandler
    public typealias SerializationRequirement = any Codable

    private let client: RPCClient
    private let makeContext: @Sendable () -> RequestContext
    private let names = TargetNames()
    private let actors = LocalActors()

    /// Whether calls carry the Swift name of their method, in the key `switchboard_target` of the message. Swift servers
    /// need it for methods that no table of theirs lists; Python servers don't look at it.
    public let sendsSwiftTargets: Bool

    /// - Parameters:
    ///   - client: sends the calls, with its timeout, errors, retries, version cap and middleware. Its target isn't used.
    ///   - sendsSwiftTargets: whether calls carry the Swift name of their method.
    ///   - context: makes the context of a call outside `withRequestContext(_:_:)`.
    public init(
        _ client: RPCClient, sendsSwiftTargets: Bool = true,
        context: @escaping @Sendable () -> RequestContext = { RequestContext() }
    ) {
        self.client = client
        self.sendsSwiftTargets = sendsSwiftTargets
        makeContext = context
    }

    /// A system whose calls go through `connection`, the process's own queue, unless their context is aimed at a cell.
    public convenience init(_ connection: MessageQueueConnection, timeout: Duration = .seconds(60)) {
        self.init(RPCClient(connection, target: RPCTarget(topic: ""), timeout: timeout))
    }

    // MARK: Actors

    /// `nil` for an address: a proxy is made, and nothing connects. An id of an actor of this process resolves to that actor.
    public func resolve<Act: DistributedActor>(id: ActorID, as actorType: Act.Type) throws -> Act?
    where Act.ID == ActorID {
        guard let number = id.number else { return nil }
        guard let actor = actors.actor(number) else {
            throw RPCError(.invalidTarget, "The \(id) isn't alive. Resolve an address: a topic, and maybe a server.")
        }
        guard let actor = actor as? Act else {
            throw RPCError(.invalidTarget, "The \(id) isn't a \(actorType); it is a \(type(of: actor)).")
        }
        return actor
    }

    public func assignID<Act: DistributedActor>(_ actorType: Act.Type) -> ActorID where Act.ID == ActorID {
        ActorID(number: actors.makeNumber())
    }

    public func actorReady<Act: DistributedActor>(_ actor: Act) where Act.ID == ActorID {
        if let number = actor.id.number { actors.add(actor, number) }
    }

    public func resignID(_ id: ActorID) {
        if let number = id.number { actors.remove(number) }
    }

    // MARK: Calls

    public func makeInvocationEncoder() -> ActorInvocationEncoder { ActorInvocationEncoder() }

    public func remoteCall<Act, Err, Res>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ActorInvocationEncoder, throwing: Err.Type,
        returning: Res.Type
    ) async throws -> Res where Act: DistributedActor, Act.ID == ActorID, Err: Error, Res: Codable {
        let request = try request(actor.id, target, invocation)
        guard request.kind == .call else {
            throw RPCError(
                .invalidArguments,
                "\(target) returns a \(Res.self), and its interface says that it is sent as a \(request.kind), which "
                    + "nobody replies to. Send it as a call.")
        }
        let result = try await client.perform(request)
        do {
            return try result.decode(Res.self)
        } catch {
            throw RPCError(
                .invalidReply, "The reply of \(request.method) isn't a \(Res.self): \(error)", cause: error)
        }
    }

    public func remoteCallVoid<Act, Err>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ActorInvocationEncoder, throwing: Err.Type
    ) async throws where Act: DistributedActor, Act.ID == ActorID, Err: Error {
        _ = try await client.perform(try request(actor.id, target, invocation))
    }

    private func request(
        _ id: ActorID, _ target: RemoteCallTarget, _ invocation: ActorInvocationEncoder
    ) throws -> RPCClientRequest {
        let name = try names.name(of: target.identifier)
        var request = RPCClientRequest(
            kind: .call, method: name.base, arguments: invocation.arguments, namespace: id.interface.namespace,
            version: id.interface.version, target: id.target, context: RequestContext.current ?? makeContext(),
            timeout: client.timeout, neverTwice: client.neverTwice)
        if let method = id.interface.methods[name.base] { try apply(method, to: &request) }
        if sendsSwiftTargets { request.swiftTarget = invocation.swiftTarget(name, target.identifier) }
        return request
    }

    private func apply(_ method: ActorInterface.Method, to request: inout RPCClientRequest) throws {
        switch method.sending {
        case .call: break
        case .cast: request.kind = .cast
        case .fanout: request.kind = .fanout
        }
        if let version = method.version { request.version = version }
        if let timeout = method.timeout { request.timeout = timeout }
        if !method.arguments.isEmpty {
            var arguments = JSONObject()
            for (key, value) in request.arguments {
                let key = method.arguments[key] ?? key
                guard arguments[key] == nil else { throw ActorInvocationEncoder.doubleArgument(key) }
                arguments.append(key: key, value: value)
            }
            request.arguments = arguments
        }
        if let name = method.name { request.method = name }
    }
}
