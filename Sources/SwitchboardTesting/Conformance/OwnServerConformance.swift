import Logging
public import SwitchboardCore

/// Holds a queue server that others may be using to the laws: one's own cluster, before programs move there.
///
/// Only the laws that take no restart, no lost connection and no other process are checked. Every queue and exchange has a name
/// of its own, which ends in `-trial-` and eight characters that were drawn for it, or is a reply queue with a random name: what
/// others have there is neither used nor changed. What the driver makes should vanish by itself, as it does with
/// `rabbit_trial_ttl` in the URL; a queue is bound to each exchange for that, also to one that a law only publishes to.
public struct OwnServerConformance: Sendable {
    /// One column of the matrix: the URL with these options as well.
    public struct Variant: Sendable {
        public var name: String
        public var options: [TransportURL.Option]

        public init(_ name: String, options: [TransportURL.Option] = []) {
            self.name = name
            self.options = options
        }
    }

    private let url: TransportURL
    private let drivers: DriverRegistry
    private let variants: [Variant]

    public init(_ url: TransportURL, drivers: DriverRegistry, variants: [Variant]) {
        precondition(!variants.isEmpty, "There is at least one way to use a server.")
        self.url = url
        self.drivers = drivers
        self.variants = variants
    }

    /// The laws that are checked.
    public static let laws = DriverLaws.all.filter { law in
        !TransportLaws.processes.contains { $0.name == law.name }
            && law.capabilities.isDisjoint(
                with: [.reconnects, .interprocess, .deadLetters, .boundedQueues, .limitsAttempts])
            && law.group != .restarting
    }

    /// Checks the laws, or some of them, a few at a time. Throws when the server cannot be reached.
    public func check(
        laws: [DriverLaw] = Self.laws, width: Int = 4,
        progress: @escaping @Sendable (ConformanceSubject, DriverLaw, ConformanceReport.Verdict) -> Void = { _, _, _ in
        }
    ) async throws -> ConformanceReport {
        var subjects: [ConformanceSubject] = []
        for variant in variants {
            var url = url
            url.options += variant.options
            var harness = Harness(url: url, drivers: drivers)
            harness.countsReleases = try await harness.measureReleases()
            subjects.append(
                ConformanceSubject(
                    name: variant.name, urls: "\(url)", product: "", needs: "", harness: { [harness] _ in harness }))
        }
        return try await ConformanceReport.check(subjects, laws: laws, width: width, progress: progress)
    }

    private struct Harness: TransportHarness {
        let url: TransportURL
        let drivers: DriverRegistry
        var countsReleases = false

        func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
            let names = TrialNames()
            let (url, drivers) = (url, drivers)
            // A server elsewhere takes longer than one of the tests' own.
            var world = TransportWorld(patience: .seconds(20)) {
                let driver = NamespacedDriver(try drivers.makeDriver(for: url, logger: Self.quiet), names: names)
                return Transport(driver: driver, url: url, logger: Self.quiet)
            }
            world.countsReleases = countsReleases
            do {
                try await body(world)
            } catch {
                await leave(names)
                throw error
            }
            await leave(names)
        }

        private static let quiet = Logger(label: "laws") { _ in SwiftLogNoOpLogHandler() }

        /// Binds a queue that vanishes to what was only published to, so that it vanishes too.
        private func leave(_ names: TrialNames) async {
            let addresses = names.loose
            guard !addresses.isEmpty, let driver = try? drivers.makeDriver(for: url, logger: Self.quiet) else { return }
            let transport = Transport(driver: driver, url: url, logger: Self.quiet)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await transport.run() }
                defer { group.cancelAll() }
                for address in addresses {
                    do {
                        let options = SubscriptionOptions(deadline: .now + .seconds(20))
                        try await transport.withSubscription(to: address, options: options) { _ in }
                    } catch let error as TransportError where error.code == .unavailable || error.code == .closed {
                        return
                    } catch {
                        // A law's address that no queue can have.
                    }
                }
            }
        }

        /// Whether the server counts what comes back unhandled as an attempt. Throws when it cannot be used.
        func measureReleases() async throws -> Bool {
            let answer = Locked(false)
            try await withWorld { world in
                let bench = LawBench(world: world, claims: try world.makeTransport().capabilities)
                try await bench.withInbox { transport, inbox in
                    try await bench.waitForState(of: transport, "ready") { $0 == .ready }
                    try await bench.publish("trial", on: transport)
                    try await inbox.next().release()
                    let second = try await inbox.next()
                    answer.withLock { $0 = second.attempt == 2 }
                    try await second.accept()
                }
            }
            return answer.withLock { $0 }
        }
    }
}
