import SwitchboardActors
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

// What the pages of SwitchboardActors quote beside the whole examples.

private struct InstanceNotFound: RPCTransferableError {
    static let remoteClass = "InstanceNotFound"
    static let remoteModule = "nova.exception"
    let remoteError: RemoteError

    init?(_ remote: RemoteError) { remoteError = remote }
}

func makeSystem(on connection: MessageQueueConnection) -> SwitchboardActorSystem {
    // snippet.actorSystemOfClient
    var client = RPCClient(connection, topic: "", timeout: .seconds(30))
    client.errors.register(InstanceNotFound.self)
    let system = SwitchboardActorSystem(client)
    // snippet.end
    return system
}

func makeRouter(of store: SwiftCalculator) -> RPCRouter {
    // snippet.actorWithoutTable
    var router = RPCRouter()
    router.register(store)
    // snippet.end
    return router
}

func reboot(host: String, cells: CellContextManager, compute: some Compute) async throws -> String {
    // snippet.actorShortAim
    let state = try await cells.withTargetCell(forHost: host) { try await compute.hostPowerAction(action: "reboot") }
    // snippet.end
    return state
}
