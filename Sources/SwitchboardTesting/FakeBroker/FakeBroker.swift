public import SwitchboardCore
import SwitchboardInProcess

/// A broker within the process that fails as a real one does: for tests of services, without a server.
///
/// It takes the place of the RabbitMQ driver in the registry, so that a service is tested with the URLs it has:
///
///     let broker = FakeBroker()
///     let queue = try MessageQueueConnection(
///         TransportURL("rabbit://user:password@mq1/cell1"), drivers: broker.drivers, logger: logger)
///     …
///     broker.raise(.memory)                           // publishers wait, then get `exhausted`
///     broker.closeConnections(.connectionForced)      // connections are lost and come back
///     broker.setPassword("other", of: "user")         // logins are refused until it is right again
///
/// A URL means a virtual host of this broker, whatever host it names; its options are not looked at. The errors have the
/// codes that the RabbitMQ driver gives. For the same with a server, see ``TestBroker``.
public final class FakeBroker: Sendable {
    /// What makes a broker take no messages.
    public enum Alarm: String, Sendable, Hashable {
        case memory = "low on memory"
        case disk = "low on disk"
    }

    struct State: Sendable {
        var isRunning = true
        var alarms: Set<Alarm> = []
        /// `nil`: everybody.
        var passwords: [String: Secret]?
        /// `nil`: all there are.
        var virtualHosts: Set<String>?
        /// The virtual host of each connection.
        var connections: [UInt64: String] = [:]
        var publishRefusals: [Address: BrokerClosure] = [:]
        var subscribeRefusals: [Address: BrokerClosure] = [:]
        var nextID: UInt64 = 0
    }

    public let configuration: FakeBrokerConfiguration

    private let state = Locked(State())
    let network = InProcessNetwork()
    /// Those of transports that run.
    private let running = Locked<[UInt64: FakeBrokerDriver]>([:])

    public init(_ configuration: FakeBrokerConfiguration = FakeBrokerConfiguration()) {
        self.configuration = configuration
    }

    /// A registry with this broker alone.
    public var drivers: DriverRegistry {
        DriverRegistry(plugin)
    }

    /// This broker as a plug-in.
    public var plugin: DriverPlugin {
        DriverPlugin(schemes: configuration.schemes) { url, _ throws(TransportError) in
            try FakeBrokerDriver(url, of: self)
        }
    }

    // MARK: What happens to brokers

    /// Closes every connection, or those of one virtual host. They come back as soon as the broker lets them.
    public func closeConnections(_ closure: BrokerClosure = .connectionForced, in virtualHost: String? = nil) {
        for driver in runningDrivers where virtualHost == nil || driver.virtualHost == virtualHost {
            driver.close(closure, outage: configuration.outage)
        }
    }

    /// Shuts the broker down: connections are closed, new ones refused. Queues stay.
    public func stop() {
        change { $0.isRunning = false }
        closeConnections(.connectionForced)
    }

    /// Starts it again.
    public func start() {
        change { $0.isRunning = true }
    }

    /// Lets nothing move on any connection, without an error: a cable is cut. After the time they are found to be lost.
    public func stall(for duration: Duration) {
        for driver in runningDrivers { driver.stall(for: duration) }
    }

    /// Takes no messages until the alarm is cleared; what was taken is still delivered.
    public func raise(_ alarm: Alarm) {
        change { _ = $0.alarms.insert(alarm) }
    }

    public func clear(_ alarm: Alarm) {
        change { _ = $0.alarms.remove(alarm) }
    }

    /// From now on only users with passwords of their own are let in; the first call shuts everybody else out.
    /// Connections that are open stay open. A refusal ends a connection that was never let in; one that was tries again
    /// until it is let in, as the RabbitMQ driver does.
    public func setPassword(_ password: Secret, of user: String) {
        change { $0.passwords = ($0.passwords ?? [:]).merging([user: password]) { $1 } }
    }

    /// From now on there are these virtual hosts alone. Connections that are open stay open. A refusal ends what
    /// ``setPassword(_:of:)`` says.
    public func setVirtualHosts(_ names: Set<String>) {
        change { $0.virtualHosts = names }
    }

    /// Refuses what is published to an address, until ``allow(_:)``.
    public func refuse(publishingTo address: Address, _ closure: BrokerClosure) {
        change { $0.publishRefusals[address] = closure }
    }

    /// Refuses new subscriptions to an address, until ``allow(_:)``.
    public func refuse(subscribingTo address: Address, _ closure: BrokerClosure) {
        change { $0.subscribeRefusals[address] = closure }
    }

    /// Ends the refusals of an address.
    public func allow(_ address: Address) {
        change { state in
            state.publishRefusals[address] = nil
            state.subscribeRefusals[address] = nil
        }
    }

    // MARK: What there is to see

    /// The number of connections, of all virtual hosts or one.
    public func connections(in virtualHost: String? = nil) -> Int {
        state.withLock { Array($0.connections.values) }.count { virtualHost == nil || $0 == virtualHost }
    }

    /// The messages that consumers discarded in a virtual host, the oldest first.
    public func deadLetters(in virtualHost: String) -> [Message] {
        network.deadLetters(in: FakeBrokerDriver.world(virtualHost)).map(\.message)
    }

    // MARK: Connections

    private var runningDrivers: [FakeBrokerDriver] {
        running.withLock { running in running.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Changes the state. Whoever waits for something looks whether it is there now.
    private func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
        for driver in runningDrivers { driver.brokerHasChanged() }
    }

    func makeID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    /// What a login comes to.
    enum Admission: Sendable, Hashable {
        case taken
        /// It is to be tried again when something has changed.
        case later(reason: String)
        case refused(BrokerClosure)
    }

    /// Lets a connection in, or says why not.
    func admit(_ id: UInt64, _ login: FakeBrokerLogin) -> Admission {
        state.withLock { [configuration] state in
            let admission = login.admission(state, configuration, id)
            if case .taken = admission { state.connections[id] = login.virtualHost }
            return admission
        }
    }

    /// The connection is gone: another one may have its place.
    func leave(_ id: UInt64) {
        let wasOpen = state.withLock { $0.connections.removeValue(forKey: id) != nil }
        if wasOpen { for driver in runningDrivers { driver.brokerHasChanged() } }
    }

    func join(_ driver: FakeBrokerDriver) {
        running.withLock { $0[driver.id] = driver }
    }

    func forget(_ driver: FakeBrokerDriver) {
        running.withLock { $0[driver.id] = nil }
    }

    /// Why it takes no messages.
    var alarm: String? {
        state.withLock { $0.alarms.map(\.rawValue).min() }
    }

    func refusal(publishingTo address: Address) -> BrokerClosure? {
        state.withLock { $0.publishRefusals[address] }
    }

    func refusal(subscribingTo address: Address) -> BrokerClosure? {
        state.withLock { $0.subscribeRefusals[address] }
    }
}
