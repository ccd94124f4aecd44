import Foundation
import Logging
import SwitchboardCells
import SwitchboardMessaging

func logInHandler(router: inout RPCRouter, notifier: Notifier) {
    // snippet.handlerLogger
    router.register("rebuild") { _, context in
        // With rpc.method and request.id.
        Logger.current.info("Rebuilding")
        // If it can't be sent, that is logged with them too.
        await notifier.info("instance.rebuild.start", context: context)
        return .null
    }
    // snippet.end
}

func serveHealth(queue: MessageQueueConnection, server: RPCServer, cells: CellContextManager) async -> Int {
    // snippet.health
    func health() async -> (status: Int, body: Data) {
        let parts = [
            await queue.checkHealth(timeout: .seconds(2)), await server.checkHealth(timeout: .seconds(2)),
            await cells.checkHealth(timeout: .seconds(2)),
        ]
        let health = HealthCheck("compute", of: parts)
        return (health.isReady ? 200 : 503, (try? JSONEncoder().encode(health)) ?? Data())
    }
    // snippet.end
    return await health().status
}
