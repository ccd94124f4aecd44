#if RabbitMQ
import DequeModule
import Logging
import NIOCore
import SwitchboardCore

/// The publishing side of a driver: a bounded window of unconfirmed publishes, and a queue of those that wait for it.
///
/// Two channels: one publishes and confirms, the other declares, so that a refused declaration does not take publishes
/// down with it. A declaration that the broker does not answer keeps the channel; the next one declares the rest.
final class Publisher: ConnectionClient {
    typealias Command = PublishCommand

    static let publishChannel: UInt16 = 1
    static let firstControlChannel: UInt16 = 2
    /// How many control channels one connection leaves behind before it is given up.
    static let controlChannelLimit: UInt16 = 8
    /// Routes that are remembered; mailboxes come and go.
    static let routeLimit = 4096
    /// How many unconfirmed publishes that nobody waits for are remembered, at a few bytes each.
    private static let abandonedLimit = 100_000
    /// How often a message is returned for the want of a queue that is declared, before it is unroutable.
    private static let returnLimit = 20

    let topology: Topology
    let demands: BrokerDemands
    let metrics: DriverMetrics
    /// As the metric was told last.
    private var reportedUnconfirmed = 0
    /// What of ``demands`` is in the routes.
    private var adaptedRevision = 0
    let bounds: Bounds
    let place: Place
    let logger: Logger

    struct Bounds {
        var unconfirmed: Int
        var unconfirmedBytes: Int
        var waiting: Int
        var returnedSize: Int
        /// For the broker to answer what sets a channel up, and declarations.
        var answer: Duration
    }

    var link: Link?
    var isPublishChannelReady = false
    var isControlChannelReady = false
    var controlChannel = Publisher.firstControlChannel
    /// When the broker should have answered the opening of the publishing channel, and what was asked on the other one.
    var publishAnswerDeadline: ContinuousClock.Instant?
    var controlAnswerDeadline: ContinuousClock.Instant?
    var isPaused = false
    // Nothing that is called with one of the lists comes back here.
    @exclusivity(unchecked) var window = ConfirmWindow<PendingPublish>()
    @exclusivity(unchecked) var waiting: Deque<PendingPublish> = []
    /// Publishes whose exchange or queue is being declared.
    var parked: [Address: [PendingPublish]] = [:]
    /// What is declared on this connection.
    private(set) var declared: Set<Declaration> = []
    /// What was declared on any: what the broker does not want of that may pass.
    private var everDeclared: Set<Declaration.Subject> = []
    var wasSettingUpNews = false
    /// What people have been told of refused declarations.
    var told: Set<String> = []
    /// Counts the times that ``declared`` has lost something, so that a route need not look into it for each publish.
    private var declaredEpoch: UInt64 = 1
    /// In the order in which the broker answers.
    var declaring: Deque<RouteDeclaration> = []
    /// What the broker cannot declare just now.
    var failing = FailingDeclarations(limit: Publisher.routeLimit)
    /// Publishes that the broker refused with a `basic.nack`, or whose address it cannot declare: they go out after a pause.
    var postponed: [PostponedPublish] = []
    /// Whether another connection is about to take over.
    var isDraining = false
    /// How many publishes still have to go alone, after a channel exception that did not say whose it was.
    var probes = 0
    private var routes: [Address: PublishRoute] = [:]
    var returning = ContentAssembler<IncomingMethod.Return>()
    var finalError: TransportError?
    var generator = SystemRandomNumberGenerator()
    @exclusivity(unchecked) private var answered: [(PendingPublish.Caller, TransportError?)] = []
    var nextDeadline: ContinuousClock.Instant?

    init(
        topology: Topology, demands: BrokerDemands, metrics: DriverMetrics, bounds: Bounds, place: Place, logger: Logger
    ) {
        self.topology = topology
        self.demands = demands
        self.metrics = metrics
        self.bounds = bounds
        self.place = place
        self.logger = logger
    }

    var isReady: Bool { isPublishChannelReady && isControlChannelReady }
    var unreadyReason: String? { nil }
    var isIdle: Bool { window.count == 0 }

    // MARK: Requests

    func perform(_ command: PublishCommand) {
        switch command {
        case .publish(let request, let caller): accept(PendingPublish(request, caller))
        case .cancel(let request): cancel(request)
        }
    }

    private func accept(_ pending: PendingPublish) {
        let request = pending.request
        if let finalError { return answer(pending, finalError) }
        if request.isCancelled { return answer(pending, place.cancelled(request, sent: false)) }
        guard waiting.count + postponed.count < bounds.waiting else {
            return answer(pending, place.tooMany(request, bounds.waiting))
        }
        waiting.append(pending)
        note(request.options.deadline)
        pump()
    }

    /// ``expire(_:)`` has something to do at `deadline`.
    func note(_ deadline: ContinuousClock.Instant) {
        if let nextDeadline, nextDeadline <= deadline { return }
        nextDeadline = deadline
    }

    private func cancel(_ request: PublishRequest) {
        if let index = waiting.firstIndex(where: { $0.request === request }) {
            let pending = waiting.remove(at: index)
            return answer(pending, place.cancelled(request, sent: pending.wasSent))
        }
        if let index = parked[request.address]?.firstIndex(where: { $0.request === request }) {
            let pending = parked[request.address]!.remove(at: index)
            return answer(pending, place.cancelled(request, sent: pending.wasSent))
        }
        if let index = postponed.firstIndex(where: { $0.pending.request === request }) {
            let pending = postponed.remove(at: index).pending
            return answer(pending, place.cancelled(request, sent: pending.wasSent))
        }
        abandon { pending in pending.request === request ? place.cancelled(request, sent: true) : nil }
        pump()
    }

    /// Answers those that are written and not confirmed, where there is an error for them. They take no room any more: a
    /// queue that confirms nothing, as one without a leader, must not keep others waiting.
    func abandon(_ error: (PendingPublish) -> TransportError?) {
        window.abandon { pending in
            guard let error = error(pending) else { return false }
            if probes > 0 { probes -= 1 }
            answer(pending, error)
            return true
        }
        guard window.abandoned > Self.abandonedLimit else { return }
        link?.end("the broker did not confirm \(window.abandoned) messages within their deadlines")
    }

    /// The caller goes on at the end of the turn, together with all others of it.
    ///
    /// Every answer comes through here, so that no error says of a message that was not sent which may have been taken
    /// when it was sent for the first time.
    func answer(_ pending: PendingPublish, _ error: TransportError?) {
        guard let caller = pending.caller.take() else { return }
        answered.append((caller, error.map { place.afterSending(pending, $0) }))
    }

    func finishTurn() {
        if window.count != reportedUnconfirmed {
            reportedUnconfirmed = window.count
            metrics.unconfirmed(window.count)
        }
        guard !answered.isEmpty else { return }
        for (caller, error) in answered { caller.answer(error) }
        answered.removeAll(keepingCapacity: true)
    }

    // MARK: Writing

    /// Writes what waits, as far as window, broker and network allow.
    func pump() {
        guard let link, isPublishChannelReady, !isPaused, !isDraining, link.blockedReason == nil else { return }
        let limit = probes > 0 ? 1 : bounds.unconfirmed
        while window.count < limit, window.bytes < bounds.unconfirmedBytes, link.canWrite, let next = waiting.popFirst()
        {
            do throws(TransportError) {
                try write(next, link)
            } catch {
                answer(next, error)
            }
        }
    }

    private func write(_ pending: PendingPublish, _ link: Link) throws(TransportError) {
        let request = pending.request
        let route = try route(to: request.address)
        if let defect = request.message.framingDefect(frameMax: Int(link.tuning.frameMax)) {
            throw place.unframeable(request, defect)
        }
        guard isDeclared(route) else { return park(pending, route.plan) }
        try link.encode { buffer throws(TransportError) in
            buffer.writeBytes(request.options.mandatory ? route.mandatoryFrame : route.frame)
            try buffer.writeContent(
                of: request.message, channel: Self.publishChannel, frameMax: Int(link.tuning.frameMax))
        }
        pending.flush = link.flushes
        window.append(pending, bytes: request.message.body.count)
    }

    func route(to address: Address) throws(TransportError) -> PublishRoute {
        if let route = routes[address] { return route }
        if routes.count >= Self.routeLimit { routes.removeAll() }
        var plan = try topology.plan(publishingTo: address)
        plan.declarations = demands.adapted(plan.declarations, for: address)
        let route = try PublishRoute(plan, channel: Self.publishChannel)
        routes[address] = route
        return route
    }

    /// Plans anew what the broker doesn't take as it was planned.
    func adaptRoutes() {
        let revision = demands.revision
        guard revision != adaptedRevision else { return }
        adaptedRevision = revision
        routes.removeAll()
        for index in declaring.indices {
            declaring[index].adapt(to: demands)
        }
    }

    private func isDeclared(_ route: PublishRoute) -> Bool {
        if route.declaredEpoch == declaredEpoch { return true }
        guard route.plan.declarations.allSatisfy({ declared.contains($0) }) else { return false }
        route.declaredEpoch = declaredEpoch
        return true
    }

    func noteDeclared(_ declaration: Declaration) {
        declared.insert(declaration)
        if everDeclared.count >= Self.routeLimit { everDeclared.removeAll() }
        everDeclared.insert(declaration.subject)
    }

    func wasEverDeclared(_ declaration: Declaration) -> Bool { everDeclared.contains(declaration.subject) }

    /// Whether something of what is being declared never was before.
    var isDeclaringNews: Bool {
        declaring.contains { !$0.steps.allSatisfy(wasEverDeclared) }
    }

    /// Somebody deleted something: everything is declared again before it is used.
    func forgetDeclarations() {
        declared.removeAll()
        declaredEpoch += 1
    }

    // MARK: Confirms

    func settle(_ tag: UInt64, multiple: Bool, isPositive: Bool) throws(ProtocolViolation) {
        try window.settle(tag, multiple: multiple) { pending in
            if probes > 0 { probes -= 1 }
            if pending.lacksQueue {
                declareAgain(pending)
            } else if let returned = pending.returned {
                answer(pending, place.unroutable(pending.request, returned))
            } else if isPositive {
                answer(pending, nil)
            } else {
                refused(pending)
            }
        }
        pump()
    }

    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {
        var header = header
        // What no publish under way is the size of is read past: it can be none of them.
        if !window.contains(where: { UInt64($0.request.message.body.count) == header.bodySize }) {
            header.defect = .bodyTooLarge(bytes: header.bodySize, limit: 0)
        }
        if let content = try returning.received(header, limit: .max) { try returned(content) }
    }

    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {
        if let content = try returning.received(body) { try returned(content) }
    }

    func beginReturn(_ returned: IncomingMethod.Return) throws(ProtocolViolation) {
        try returning.began(returned)
        metrics.returned()
    }

    /// A return names no tag and our messages have no id on the wire, as oslo.messaging's have none. The broker returns
    /// in the order of publishing, before the confirm: so it is the oldest publish of that exchange, key and body that
    /// has not been returned. Where two are the same in all of that, it does not matter which is told first.
    ///
    /// A return that matches nothing belongs to a publish that is no longer awaited. If there isn't one, the broker sends
    /// nonsense, and could go on forever.
    private func returned(
        _ content: ContentAssembler<IncomingMethod.Return>.Content
    ) throws(ProtocolViolation) {
        let isKnown = window.update { pending in
            guard pending.returned == nil, !pending.lacksQueue, content.header.defect == nil,
                pending.request.message.body.count == content.body.count,
                let route = try? route(to: pending.request.address),
                route.bindsQueue || pending.request.options.mandatory,
                route.plan.exchange == content.method.exchange, route.plan.routingKey == content.method.routingKey,
                pending.request.message.body == content.body
            else { return false }
            if route.bindsQueue, pending.returns < Self.returnLimit {
                pending.lacksQueue = true
                pending.lastReturn = content.method
            } else {
                pending.returned = content.method
            }
            return true
        }
        guard isKnown || window.abandoned > 0 else {
            throw ProtocolViolation("the broker returned a message that it was not sent")
        }
    }
}
#endif
