import Logging
import SwitchboardCore
import SwitchboardInProcess

/// In-process drivers that can be muted by the name of their queue: a muted one takes nothing over and says nothing, as a
/// broker that hangs.
final class Mutes: Sendable {
    private let drivers = Locked<[String: [MutedDriver]]>([:])
    private let trap = Locked<Trap?>(nil)

    func plugin(_ network: InProcessNetwork) -> DriverPlugin {
        DriverPlugin(schemes: "fake") { [drivers, trap] url, _ throws(TransportError) in
            let driver = MutedDriver(try InProcessDriver(url, network: network)) {
                let trap = trap.withLock { $0 }
                await trap?.hold()
            }
            let name = url.hosts.first?.name ?? ""
            drivers.withLock { $0[name, default: []].append(driver) }
            return driver
        }
    }

    /// How many drivers were made for a queue.
    func count(_ name: String) -> Int {
        drivers.withLock { $0[name]?.count ?? 0 }
    }

    func setMuted(_ isMuted: Bool, _ name: String) {
        for driver in drivers.withLock({ $0[name] ?? [] }) { driver.setMuted(isMuted) }
    }

    /// Lets no driver end before `trap` is opened.
    func holdEnds(in trap: Trap) {
        self.trap.withLock { $0 = trap }
    }

    /// How many messages were to be sent through a queue since it was muted.
    func attempts(_ name: String) -> Int {
        drivers.withLock { $0[name] ?? [] }.reduce(0) { $0 + $1.attempts }
    }

    /// Says that the connection is lost, or is there again.
    func report(_ state: TransportState, _ name: String) {
        for driver in drivers.withLock({ $0[name] ?? [] }) { driver.monitor.report(state) }
    }
}

final class MutedDriver: TransportDriver {
    private let base: InProcessDriver
    /// `ready` when it speaks.
    private let voice = TransportMonitor()
    private let tried = Locked(0)

    private let waitToEnd: @Sendable () async -> Void

    init(_ base: InProcessDriver, waitToEnd: @escaping @Sendable () async -> Void) {
        self.base = base
        self.waitToEnd = waitToEnd
        voice.report(.ready)
    }

    var attempts: Int { tried.withLock { $0 } }
    var capabilities: DriverCapabilities { base.capabilities }
    var monitor: TransportMonitor { base.monitor }

    func setMuted(_ isMuted: Bool) {
        tried.withLock { $0 = 0 }
        voice.report(isMuted ? .blocked(reason: "muted") : .ready)
    }

    func run() async throws {
        do {
            try await base.run()
        } catch {
            await waitToEnd()
            throw error
        }
        await waitToEnd()
    }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        if voice.state != .ready {
            tried.withLock { $0 += 1 }
            try await waitForVoice(until: options.deadline)
        }
        try await base.publish(message, to: address, options: options)
    }

    private func waitForVoice(until deadline: ContinuousClock.Instant) async throws(TransportError) {
        let speaks = await withTaskGroup(of: Bool.self) { group in
            group.addTask { [voice] in
                for await state in voice.states() where state == .ready { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        if speaks { return }
        if Task.isCancelled { throw TransportError(.cancelled, "Cancelled while the queue was muted.") }
        throw TransportError(.indeterminate, "The queue was muted until the deadline.")
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await base.withSubscription(to: address, options: options, body)
    }
}
