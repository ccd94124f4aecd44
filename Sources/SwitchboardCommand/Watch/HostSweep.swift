import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// Asks the hosts of cells for a sign of life, through the same queues as every other caller.
struct HostSweep: Sendable {
    struct Configuration: Sendable {
        var topic = Topic("compute", exchange: "nova")
        /// Until an answer is too late.
        var timeout = Duration.seconds(10)
        var classifier = HostClassifier(slow: .seconds(1))
        /// The most requests a second in a cell. So many go out together, as a broker has half the work with them that it
        /// has with one at a time.
        var rate = 50.0
        /// Whether hosts that don't answer, or slowly, are asked once more: where no later sweep makes it certain.
        var asksTwice = false
    }

    /// What a sweep does in a cell, as it does it.
    enum Step: Sendable {
        case asked(host: String)
        /// What came of it, each time that it was asked.
        case answered(host: String, HostFinding)
        /// A host needn't be asked to know.
        case known(host: String, HostFinding)
        /// Its hosts can't be asked.
        case unreachable(reason: String)
    }

    /// The most requests that wait for their answers in a cell.
    private static let mostInFlight = 256
    static let method = "oslo_rpc_server_ping"

    let configuration: Configuration
    let connections: CellConnections
    /// Is told each step.
    var observer: @Sendable (HostListing.Cell, Step) async -> Void = { _, _ in }

    /// Asks all hosts of all cells, all cells at a time, and hands over each cell when it is done.
    ///
    /// - Parameter window: over how long a cell's requests are spread. They are never faster than the rate allows.
    func run(
        over listing: HostListing, within window: Duration, _ done: @Sendable (CellObservation) async throws -> Void
    ) async throws {
        connections.beginSweep(over: listing.cells.map(\.mapping))
        try await withThrowingTaskGroup(of: CellObservation.self) { group in
            for cell in listing.cells {
                group.addTask {
                    let observation = await look(at: cell, within: window)
                    if case .failed(let reason, _) = observation.outcome {
                        await observer(cell, .unreachable(reason: reason))
                    }
                    return observation
                }
            }
            for try await observation in group {
                // What was cut short says nothing.
                try Task.checkCancellation()
                try await done(observation)
            }
        }
    }

    private func look(at cell: HostListing.Cell, within window: Duration) async -> CellObservation {
        var observation = CellObservation(cell: cell.watched, outcome: .reached(roundTrip: .zero))
        if let time = await connections.lacksExchange(
            of: configuration.topic, in: cell.mapping, timeout: configuration.timeout)
        {
            observation.outcome = .reached(roundTrip: time)
            let finding = HostFinding(
                hostClass: .absent,
                detail:
                    "there is no exchange \(configuration.topic.exchange), so no host serves \(configuration.topic.name) there"
            )
            for host in cell.hosts {
                observation.hosts[host] = finding
                await observer(cell, .known(host: host, finding))
            }
            return observation
        }
        let connection: CellConnections.Connection
        do {
            let (own, isNew) = try await connections.connection(of: cell.mapping)
            connection = own
            // The first opens the connection and its reply queue, which is not what is measured.
            if isNew { _ = try await connection.queue.roundTrip(timeout: configuration.timeout) }
            observation.outcome = .reached(
                roundTrip: try await connection.queue.roundTrip(timeout: configuration.timeout))
        } catch {
            observation.outcome = Self.failure(error)
            return observation
        }
        let losses = connection.lossCount
        let first = await ask(cell.hosts, of: cell, through: connection.queue, within: window)
        observation.hosts = first.findings
        if let refusal = first.refusal {
            observation.outcome = .failed(reason: refusal, isCertain: true)
            return observation
        }
        // A reply that came while the connection was lost is lost as well.
        let asksMore = configuration.asksTwice || connection.lossCount != losses
        let doubtful = first.hosts { !$0.isWell && $0 != .absent && $0 != .slow }
        let again = first.hosts { $0 == .unreachable || (asksMore && !$0.isWell && $0 != .absent) }
        guard !doubtful.isEmpty || !again.isEmpty else { return observation }
        do {
            // Whether it is the hosts, or the queue between.
            _ = try await connection.queue.roundTrip(timeout: configuration.timeout)
        } catch {
            observation.outcome = Self.failure(error)
            for host in doubtful { observation.hosts[host] = nil }
            return observation
        }
        let second = await ask(again, of: cell, through: connection.queue, within: .zero)
        observation.hosts.merge(second.findings) { $1 }
        if let host = second.hosts({ $0 == .unreachable }).first, let finding = second.findings[host] {
            observation.outcome = .failed(reason: finding.detail, isCertain: second.refusal != nil)
        }
        return observation
    }

    private static func failure(_ error: any Error) -> CellObservation.Outcome {
        switch error {
        case let error as CellError: .failed(reason: error.message, isCertain: true)
        case let error as RPCError: .failed(reason: error.message, isCertain: error.code == .refused)
        default: .failed(reason: "\(error)", isCertain: false)
        }
    }

    /// What came of asking several hosts.
    private struct Answers {
        var findings: [String: HostFinding] = [:]
        /// Why the queue refuses requests to the topic, if it does.
        var refusal: String?

        /// Those of some classes, sorted.
        func hosts(_ isIncluded: (HostClass) -> Bool) -> [String] {
            findings.filter { isIncluded($0.value.hostClass) }.keys.sorted()
        }
    }

    private func ask(
        _ hosts: [String], of cell: HostListing.Cell, through queue: MessageQueueConnection, within window: Duration
    ) async -> Answers {
        guard !hosts.isEmpty else { return Answers() }
        let interval = max(.seconds(1) / configuration.rate, window / hosts.count)
        let together = min(max(1, Int(configuration.rate)), hosts.count)
        // Many cells' requests don't go out at the same moments.
        let start = ContinuousClock.now + interval * together * Double.random(in: 0..<1)
        let context = RequestContext()
        var answers = Answers()
        // When the queue refuses one request, no more are made.
        let refusal = Locked<String?>(nil)
        await withTaskGroup(of: (String, HostFinding).self) { group in
            for (index, host) in hosts.enumerated() {
                if index >= Self.mostInFlight, let (host, finding) = await group.next() {
                    answers.findings[host] = finding
                }
                if index % together == 0 {
                    try? await Task.sleep(until: start + interval * index, clock: .continuous)
                }
                guard refusal.withLock({ $0 == nil }), !Task.isCancelled else { break }
                group.addTask {
                    await observer(cell, .asked(host: host))
                    let finding = await ask(host, through: queue, context, refusal)
                    await observer(cell, .answered(host: host, finding))
                    return (host, finding)
                }
            }
            for await (host, finding) in group { answers.findings[host] = finding }
        }
        answers.refusal = refusal.withLock { $0 }
        return answers
    }

    private func ask(
        _ host: String, through queue: MessageQueueConnection, _ context: RequestContext, _ refusal: Locked<String?>
    ) async -> HostFinding {
        let classifier = configuration.classifier
        let client = RPCClient(
            queue,
            target: RPCTarget(topic: configuration.topic.name, exchange: configuration.topic.exchange, server: host),
            timeout: configuration.timeout)
        let begin = ContinuousClock.now
        do {
            _ = try await client.call(Self.method, context: context)
            return classifier.finding(answeredIn: begin.duration(to: .now), hasPing: true)
        } catch let error as RPCError {
            if error.code == .refused { refusal.withLock { $0 = error.message } }
            return classifier.finding(error, after: begin.duration(to: .now))
        } catch {
            return HostFinding(hostClass: .unreachable, detail: "\(error)")
        }
    }
}
