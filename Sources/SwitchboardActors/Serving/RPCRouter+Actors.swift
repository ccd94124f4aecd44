public import Distributed
public import SwitchboardMessaging

extension RPCRouter {
    /// Serves a distributed actor: to Swift clients by the Swift names of its methods, and to all clients by the names in
    /// `methods`.
    ///
    ///     var router = RPCRouter()
    ///     router.register(calculator, methods)
    ///     let server = RPCServer(connection, topic: Topic("calculator"), name: "host1", router: router, logger: logger)
    ///
    /// A server takes several actors, each with a namespace or a major version of its own; it traps when two have the same.
    /// What the server starts of an actor's requests at a time is its
    /// `RPCServerConfiguration.maximumConcurrency`; the actor runs one at a time, as all actors do,
    /// and takes up another where one awaits.
    ///
    /// Within a method, `RequestContext.current` is the request's context. An error that it throws
    /// reaches the client as far as it is a `RemotelyVisibleError`.
    ///
    /// - Parameters:
    ///   - actor: the actor.
    ///   - methods: the names that its methods have for all clients.
    ///   - onlyListed: whether Swift clients too can call only what `methods` lists. Without it they can call each
    ///     distributed method.
    ///   - genericTypes: what Swift clients can call generic methods with.
    public mutating func register<Act: DistributedActor>(
        _ actor: Act, _ methods: ActorMethods<Act> = ActorMethods(), onlyListed: Bool = false,
        genericTypes: GenericTypes = GenericTypes()
    ) where Act.ActorSystem == SwitchboardActorSystem {
        methods.register(of: actor, with: &self)
        guard !onlyListed else { return }
        let targets = ServedTargets(actor, genericTypes: genericTypes)
        registerSwiftTargets(namespace: methods.namespace, version: methods.version) { targets.handler(for: $0, $1) }
    }
}
