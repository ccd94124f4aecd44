import SwitchboardCore

/// What the harness can do to a world, and what laws do around it.
extension LawBench {
    /// Cuts the world's connections. A driver that claims `reconnects` needs it.
    func interruption() throws -> @Sendable () async throws -> Void {
        guard let interrupt = world.interrupt else {
            throw Finding("the driver claims reconnects and the harness's world has no way to interrupt it.")
        }
        return interrupt
    }

    /// Restarts the queue's server.
    func restart() throws -> @Sendable () async throws -> Void {
        guard let restart = world.restart else {
            throw Unproven(reason: "the harness's world cannot restart the queue's server")
        }
        return restart
    }

    func otherProcess() throws -> @Sendable (OtherProcessTask) async throws -> Void {
        guard let inOtherProcess = world.inOtherProcess else {
            throw Unproven(reason: "the harness's world cannot do things in another process")
        }
        return inOtherProcess
    }

    /// Subscribes to several addresses at once.
    func withInboxes(
        _ transport: Transport, _ addresses: ArraySlice<Address>, _ inboxes: [Inbox] = [],
        _ body: ([Inbox]) async throws -> Void
    ) async throws {
        guard let address = addresses.first else { return try await body(inboxes) }
        try await withInbox(transport, address) { inbox in
            try await withInboxes(transport, addresses.dropFirst(), inboxes + [inbox], body)
        }
    }

    /// Publishes again after errors that a loss explains, for as long as the world's patience.
    func publishUntilTaken(_ text: String, on transport: Transport, to address: Address) async throws {
        let end = ContinuousClock.now + patience
        while true {
            do throws(TransportError) {
                return try await publish(text, on: transport, to: address, deadline: end, mandatory: true)
            } catch {
                let isExplained = [.unavailable, .indeterminate, .unroutable].contains(error.code)
                guard isExplained, .now < end else { throw error }
            }
            await Task.yield()
        }
    }
}
