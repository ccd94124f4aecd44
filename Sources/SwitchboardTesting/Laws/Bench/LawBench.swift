import SwitchboardCore

/// What the laws work with: a world, and short words for what they do in it.
struct LawBench: Sendable {
    let world: TransportWorld
    let claims: DriverCapabilities

    var patience: Duration { world.patience }

    /// The topic of most laws.
    let topic = Topic("laws", exchange: "switchboard")

    /// A deadline that a working driver never meets.
    var later: ContinuousClock.Instant { .now + patience * 5 }

    /// Runs a transport for as long as `body` runs; the end of `run()` must be a good one.
    func withTransport<Result: Sendable>(
        _ transport: Transport? = nil, _ body: (Transport) async throws -> Result
    ) async throws -> Result {
        let transport = try transport ?? world.makeTransport()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            defer { group.cancelAll() }
            let result = try await body(transport)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    /// Subscribes for as long as `body` runs, and collects the deliveries.
    func withInbox<Result: Sendable>(
        _ transport: Transport, _ address: Address, prefetch: Int = 100,
        _ body: (Inbox) async throws -> Result
    ) async throws -> Result {
        let inbox = Inbox(address, patience: patience)
        let options = SubscriptionOptions(prefetch: prefetch, deadline: later)
        return try await transport.withSubscription(to: address, options: options) { deliveries in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await inbox.fill(from: deliveries) }
                defer { group.cancelAll() }
                return try await body(inbox)
            }
        }
    }

    /// One transport with one inbox at the laws' topic.
    func withInbox(prefetch: Int = 100, _ body: (Transport, Inbox) async throws -> Void) async throws {
        try await withTransport { transport in
            try await withInbox(transport, .topic(topic), prefetch: prefetch) { inbox in
                try await body(transport, inbox)
            }
        }
    }

    /// Makes the queue of an address exist by subscribing for a moment.
    func declare(_ address: Address, on transport: Transport) async throws {
        try await withInbox(transport, address) { _ in }
    }

    func publish(
        _ text: String, on transport: Transport, to address: Address? = nil, timeToLive: Duration? = nil,
        deadline: ContinuousClock.Instant? = nil, mandatory: Bool = false, headers: [String: String] = [:]
    ) async throws(TransportError) {
        var message = Message(body: Array(text.utf8), contentType: "text/plain", headers: headers)
        message.timeToLive = timeToLive
        try await transport.publish(
            message, to: address ?? .topic(topic), deadline: deadline ?? later, mandatory: mandatory,
            allowsDuplicates: false)
    }

    /// Publishes texts one after another.
    func publish(all texts: [String], on transport: Transport, to address: Address? = nil) async throws {
        for text in texts { try await publish(text, on: transport, to: address) }
    }

    /// A task that has begun `deed` a while ago. Nothing tells that a publisher waits for room; 50 ms after it has begun, it
    /// does, or the machine is so busy that a law may miss a driver's fault.
    func begun(_ deed: @escaping @Sendable () async throws -> Void) async throws -> Task<Void, any Error> {
        let (beginning, signal) = AsyncStream.makeStream(of: Never.self)
        let task = Task {
            signal.finish()
            try await deed()
        }
        for await _ in beginning {}
        try await Task.sleep(for: .milliseconds(50))
        return task
    }

    func require(_ condition: Bool, _ finding: @autoclosure () -> String) throws {
        if !condition { throw Finding(finding()) }
    }

    /// Requires a transport error of one of the codes.
    @discardableResult
    func requireError<Result>(
        _ codes: TransportError.Code..., from what: String, _ body: () async throws -> Result
    ) async throws -> TransportError {
        let wanted = codes.map(\.description).joined(separator: " or ")
        do {
            _ = try await body()
        } catch let error as TransportError {
            try require(codes.contains(error.code), "\(what) failed with \"\(error)\" instead of \(wanted).")
            return error
        } catch {
            throw Finding("\(what) failed with \"\(error)\" instead of a TransportError \(wanted).")
        }
        throw Finding("\(what) went well; \(wanted) was due.")
    }

    /// Waits until the state is such.
    func waitForState(
        of transport: Transport, _ what: String, _ isWanted: @escaping @Sendable (TransportState) -> Bool
    ) async throws {
        try await within("the state \(what)") {
            for await state in transport.states() where isWanted(state) { return }
        }
    }

    /// Runs `body`, which must be done within the world's patience, or is given up.
    func within(_ what: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        do {
            try await withTimeLimit(patience, body)
        } catch is TimeLimitExceeded {
            throw Finding("\(what) did not come within \(patience).")
        }
    }
}
