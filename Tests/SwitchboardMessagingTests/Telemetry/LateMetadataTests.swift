import InMemoryLogging
import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("The names of a request in its handler's log", .timeLimit(.minutes(1)))
struct LateMetadataTests {
    private func logger(_ log: InMemoryLogHandler) -> Logger {
        var logger = Logger(label: "test") { _ in log }
        logger[metadataKey: "own"] = "yes"
        logger[metadataKey: "first"] = "of the server"
        return logger.named(.init(key: "first", value: "1"), .init(key: "second", value: "2"))
    }

    @Test("They are logged beside the logger's own metadata, before them, and behind those of a line")
    func logged() {
        let log = InMemoryLogHandler()
        let logger = logger(log)
        #expect(logger.label == "test")
        logger.info("a line")
        logger.info("another", metadata: ["second": "of the line", "more": "3"])
        #expect(
            log.entries.map(\.metadata) == [
                ["own": "yes", "first": "1", "second": "2"],
                ["own": "yes", "first": "1", "second": "of the line", "more": "3"],
            ])
    }

    @Test("They can be read, set and taken away as any other metadata")
    func changed() {
        let log = InMemoryLogHandler()
        var logger = logger(log)
        #expect(logger[metadataKey: "first"] == "1" && logger[metadataKey: "own"] == "yes")
        #expect(logger.handler.metadata == ["own": "yes", "first": "1", "second": "2"])
        let copy = logger
        logger[metadataKey: "first"] = "changed"
        logger[metadataKey: "more"] = "3"
        #expect(logger[metadataKey: "first"] == "changed" && logger[metadataKey: "second"] == "2")
        logger.info("changed")
        logger[metadataKey: "second"] = nil
        logger.info("taken away")
        copy.info("a copy")
        logger.handler.metadata = ["all": "new"]
        logger.info("replaced")
        #expect(
            log.entries.map(\.metadata) == [
                ["own": "yes", "first": "changed", "second": "2", "more": "3"],
                ["own": "yes", "first": "changed", "more": "3"],
                ["own": "yes", "first": "1", "second": "2"],
                ["all": "new"],
            ])
    }

    @Test("Its level is the logger's, and can be set")
    func level() {
        let log = InMemoryLogHandler()
        var base = Logger(label: "test") { _ in log }
        base.logLevel = .error
        var logger = base.named(.init(key: "first", value: "1"), nil)
        #expect(logger.logLevel == .error)
        logger.info("nothing")
        logger.logLevel = .info
        logger.info("something")
        #expect(log.entries.map(\.metadata) == [["first": "1"]])
    }

    @Test("A handler's logger has the method and the request's id")
    func request() async throws {
        let log = InMemoryLogHandler()
        let connection = try makeConnection(network: InProcessNetwork())
        var router = RPCRouter()
        router.register("greet") { _, _ in
            Logger.current.info("greeting")
            return .null
        }
        let server = RPCServer(
            connection, topic: Topic("t"), name: "s", router: router,
            logger: Logger(label: "test") { _ in log })
        let context = RequestContext()
        try await withRunning(connection, server) {
            try await server.waitUntilServing()
            _ = try await RPCClient(connection, topic: Topic("t"), timeout: .seconds(30)).call(
                "greet", context: context)
        }
        let entry = try #require(log.entries.first { $0.message == "greeting" })
        #expect(entry.metadata["rpc.method"] == "greet" && entry.metadata["rpc.server"] == "s")
        #expect(entry.metadata["request.id"] == .string(context.requestID))
    }
}
