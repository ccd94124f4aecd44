#if RabbitMQ
    // snippet.readmeCells
    import Switchboard
    import SwitchboardCells
    import SwitchboardRabbitMQ
    import SwitchboardSQLite

    func diagnostics(of instance: String, on host: String) async throws -> JSONValue {
        let directory = try SQLiteCellDirectory("nova_api.sqlite")
        return try await withMessageQueue("rabbit://guest:guest@127.0.0.1/api", .rabbitMQ()) { queue in
            let compute = RPCClient(queue, topic: Topic("compute", exchange: "nova"))
            return try await withCells(directory: directory, drivers: .rabbitMQ()) { cells in
                try await cells.withTargetCell(forInstance: instance, RequestContext(userID: "alice")) { context in
                    try await compute.call(
                        "get_diagnostics", ["instance": .string(instance)], to: host, context: context)
                }
            }
        }
    }
// snippet.end
#endif
