import Foundation
import Logging
import SwitchboardCore
import SwitchboardSpool
import Testing

/// An own directory for a test, removed afterwards.
struct TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/spool-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    var spool: String { path + "/spool" }

    func files(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(spool)/\(folder)")) ?? []).sorted()
    }

    func text(_ file: String) -> String {
        (try? String(contentsOfFile: "\(spool)/\(file)", encoding: .utf8)) ?? ""
    }
}

let quiet = Logger(label: "spool.test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with a spool of its own in a directory of its own.
func withDirectory<Result>(_ body: (TemporaryDirectory) async throws -> Result) async throws -> Result {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    return try await body(directory)
}

/// Runs `body` with a running transport over a spool.
func withTransport<Result: Sendable>(
    _ directory: TemporaryDirectory, _ options: String = "", operations: any FileOperations = SystemFileOperations(),
    _ body: (Transport) async throws -> Result
) async throws -> Result {
    var query = options
    if !query.contains("durability") { query += (query.isEmpty ? "" : "&") + "durability=none" }
    let transport = try makeTransport(
        "spool://\(directory.spool)?\(query)", operations: operations)
    let running = Task { try await transport.run() }
    do {
        let result = try await body(transport)
        running.cancel()
        try await running.value
        return result
    } catch {
        running.cancel()
        _ = try? await running.value
        throw error
    }
}

func makeTransport(
    _ url: String, operations: any FileOperations = SystemFileOperations(), logger: Logger = quiet
) throws -> Transport {
    let url = try TransportURL(url)
    let driver = SpoolDriver(
        configuration: try SpoolConfiguration(url), operations: operations, logger: logger)
    return Transport(driver: driver, url: url, logger: logger)
}

extension Transport {
    func send(
        _ text: String, to address: Address, within limit: Duration = .seconds(10), mandatory: Bool = false,
        timeToLive: Duration? = nil
    ) async throws(TransportError) {
        try await publish(
            Message(body: Array(text.utf8), timeToLive: timeToLive), to: address,
            deadline: .now + limit, mandatory: mandatory)
    }

    /// Takes `count` messages and accepts them.
    func take(_ count: Int, from address: Address, prefetch: Int = 100) async throws -> [String] {
        try await withSubscription(to: address, options: SubscriptionOptions(prefetch: prefetch)) { deliveries in
            try await deliveries.take(count)
        }
    }
}

extension Deliveries {
    /// Takes `count` messages and accepts them.
    func take(_ count: Int) async throws -> [String] {
        var texts: [String] = []
        var iterator = makeAsyncIterator()
        while texts.count < count, let delivery = try await iterator.next() {
            texts.append(delivery.text)
            try await delivery.accept()
        }
        return texts
    }
}

extension Deliveries {
    /// Takes messages until one has the text. One whose queue is replaced meanwhile cannot be accepted, and may come again.
    func find(_ text: String) async throws -> Bool {
        for try await delivery in self {
            do throws(TransportError) {
                try await delivery.accept()
            } catch {
                guard error.code == .closed else { throw error }
            }
            if delivery.text == text { return true }
        }
        return false
    }
}

extension Delivery {
    var text: String { String(decoding: message.body, as: UTF8.self) }
}

struct TimedOut: Error {}

/// Waits until `condition` holds, looking after every change that the kernel could have made.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while try await !condition() {
        if ContinuousClock.now > end {
            Issue.record("It did not come to pass: \(what)")
            throw TimedOut()
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

func code(of body: () async throws -> Void) async -> TransportError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? TransportError)?.code
    }
}

let compute = Address.topic(Topic("compute", exchange: "nova"))
