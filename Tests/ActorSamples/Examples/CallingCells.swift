// snippet.actorCallingCells
public import Distributed
public import SwitchboardActors
public import SwitchboardCells
public import SwitchboardMessaging

/// Two methods of Nova's compute service.
@Resolvable
public protocol Compute: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func hostPowerAction(action: String) async throws -> String
    distributed func setHostEnabled(enabled: Bool) async throws -> String
}

/// The names and the version that Nova has for them.
public let novaCompute = ActorInterface(
    version: "6.0",
    methods: ["hostPowerAction": .init("host_power_action"), "setHostEnabled": .init("set_host_enabled")])

/// Reboots a host through the queue of its cell.
public func reboot(
    host: String, cells: CellContextManager, system: SwitchboardActorSystem, context: RequestContext
) async throws -> String {
    let target = RPCTarget(topic: "compute", exchange: "nova", server: host)
    let compute = try $Compute.resolve(id: SwitchboardActorID(target, interface: novaCompute), using: system)
    return try await cells.withTargetCell(forHost: host, context) { _ in
        try await compute.hostPowerAction(action: "reboot")
    }
}
// snippet.end
