#if RabbitMQ
    import Switchboard
    import SwitchboardRabbitMQ

    func tutorialMain() async throws {
        // snippet.tutorialMain
        try await runService(
            "rabbit://guest:guest@127.0.0.1/", .rabbitMQ(), topic: Warehouse.topic, router: Shelves().router)
        // snippet.end
    }
#endif
