import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// The topic of a measurement, in an exchange of its own. Nothing of it is another program's, and nothing of it stays.
struct BenchTopic: Sendable {
    let topic: Topic
    /// The queue's URL; on RabbitMQ with an option by which what is made there goes by itself, should this program be killed.
    let url: TransportURL
    private let isGiven: Bool
    private let timeout: Duration

    /// - Parameters:
    ///   - name: `nil`: a random one.
    ///   - timeout: how long a broker may take for an answer.
    init(_ name: String?, of url: TransportURL, timeout: Duration) {
        let own = "bench-\(UniqueName.make())"
        topic = Topic(name ?? own, exchange: own)
        isGiven = name != nil
        self.timeout = timeout
        var url = url
        #if RabbitMQ
            if RabbitMQTopology.schemes.contains(url.scheme) {
                let options = [TransportURL.Option.trial, .init("use_queue_manager", "false")]
                url.options.removeAll { option in options.contains { $0.name == option.name } }
                url.options += options
            }
        #endif
        self.url = url
    }

    /// What the measured requests wait in, on RabbitMQ: queues that all exchanges share.
    private var queues: [String] {
        [topic.name, "\(topic.name).bench", "\(topic.name).info"]
    }

    /// Fails when the given topic is another program's: it has a queue, whether or not somebody takes from it now.
    func refuseIfServed() async throws {
        #if RabbitMQ
            guard isGiven, RabbitMQTopology.schemes.contains(url.scheme) else { return }
            let obstacle: InspectedObject? = try await looking { look throws(InspectionFailure) in
                var found: [InspectedObject] = []
                for name in [topic.name, "\(topic.name).info"] {
                    found += try await look.objects(of: Topic(name, exchange: topic.exchange), server: "bench")
                }
                found.removeAll { $0.state == .missing }
                return found.max { ($0.consumers ?? -1) < ($1.consumers ?? -1) }
            }
            if let obstacle { throw Failure(Self.refusal(topic, obstacle), exit: MessageExit.unroutable) }
        #endif
    }

    /// Runs `body` with a connection for requests and one that serves them, and removes what was made there.
    ///
    /// - Parameter name: what sentences call the queue.
    func connected<Result>(
        _ name: String,
        _ body: (_ client: MessageQueueConnection, _ server: MessageQueueConnection) async throws -> Result
    ) async throws -> Result {
        let drivers = DriverRegistry.all
        func connection() throws(TransportError) -> MessageQueueConnection {
            try MessageQueueConnection(url, drivers: drivers, name: name, logger: messageLogger())
        }
        let (client, server) = (try connection(), try connection())
        let mailboxes = [client.mailbox.name, server.mailbox.name]
        do {
            let result = try await withRunning(client, server) { try await body(client, server) }
            await remove(mailboxes)
            return result
        } catch {
            await remove(mailboxes)
            throw error
        }
    }

    /// - Parameter mailboxes: the reply queues of the connections.
    private func remove(_ mailboxes: [String]) async {
        #if RabbitMQ
            if RabbitMQTopology.schemes.contains(url.scheme) {
                do {
                    // The exchanges go with their last queue.
                    try await looking { look throws(InspectionFailure) in
                        try await look.delete(queues: queues + mailboxes)
                    }
                } catch {
                    complain("what was made for the measurement goes by itself in a minute: \(error)")
                }
            }
        #endif
        if url.scheme == "spool" { removeFolders(mailboxes) }
    }

    #if RabbitMQ
        private func looking<Result>(
            _ body: (BrokerLook) async throws(InspectionFailure) -> Result
        ) async throws -> Result {
            let inspection = try BrokerInspection(
                url, besides: CommandSettings.current.rabbitMQ.announced, timeout: timeout, logger: Doctor.silent)
            var failure: InspectionFailure?
            for host in inspection.hosts {
                let look: BrokerLook
                do throws(InspectionFailure) {
                    look = try await inspection.logIn(to: host)
                } catch {
                    failure = error
                    continue
                }
                do throws(InspectionFailure) {
                    let result = try await body(look)
                    await look.close()
                    return result
                } catch {
                    await look.close()
                    throw Failure(error.reason, exit: MessageExit.queue)
                }
            }
            throw Failure(failure?.reason ?? "the URL names no host", exit: MessageExit.queue)
        }

        private static func refusal(_ topic: Topic, _ object: InspectedObject) -> String {
            let who =
                switch object.consumers {
                case let count? where count > 0: "\(count) consumer\(count == 1 ? " takes" : "s take") from it"
                case _?: "nobody takes from it at the moment, and \(object.ready ?? 0) messages wait in it"
                case nil: "another program has made it"
                }
            return
                "The topic \(topic.name) is served by others: the \(object.kind.rawValue) \(object.name) is there, and "
                + "\(who). Nothing was sent. Leave out --topic, or give a name that isn't in use."
        }
    #endif

    /// A spool keeps the folders of queues.
    private func removeFolders(_ mailboxes: [String]) {
        guard let spool = try? SpoolConfiguration(url).directory else { return }
        for parent in ["queues", "bindings"] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(spool)/\(parent)")) ?? []
            let own = names.filter { name in
                name.contains("~\(topic.exchange)~") || mailboxes.contains { name == "mailbox~\($0)" }
            }
            for name in own { try? FileManager.default.removeItem(atPath: "\(spool)/\(parent)/\(name)") }
        }
    }
}
