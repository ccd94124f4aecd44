#if RabbitMQ
import SwitchboardCore
import Synchronization

/// One publish as its caller made it.
final class PublishRequest: Sendable {
    let message: Message
    let address: Address
    let options: PublishOptions
    let started = ContinuousClock.now

    /// Set by the caller's cancellation, which can come before the request itself has arrived at the loop.
    private let cancellation = Atomic<Bool>(false)

    init(_ message: Message, to address: Address, options: PublishOptions) {
        self.message = message
        self.address = address
        self.options = options
    }

    var isCancelled: Bool { cancellation.load(ordering: .acquiring) }

    func cancel() {
        cancellation.store(true, ordering: .releasing)
    }

    /// For how long it has been waiting, for people.
    func waited(until now: ContinuousClock.Instant) -> String {
        (started.duration(to: now)).inSeconds
    }
}

extension Duration {
    /// `2.5 s`
    var inSeconds: String {
        let tenths = Int64((self / .milliseconds(100)).rounded())
        return "\(tenths / 10).\(abs(tenths % 10)) s"
    }
}

/// A request inside the publisher, in one of its lists at a time.
final class PendingPublish {
    /// Who waits for the outcome.
    enum Caller: Sendable {
        case task(UnsafeContinuation<TransportError?, Never>)
        case function(@Sendable (TransportError?) -> Void)

        func answer(_ error: TransportError?) {
            switch self {
            case .task(let continuation): continuation.resume(returning: error)
            case .function(let completion): completion(error)
            }
        }
    }

    let request: PublishRequest
    /// Taken by whoever answers; `nil` when the caller has its answer already.
    @exclusivity(unchecked) var caller: Caller?
    /// What the broker said when no queue took it; its confirm is still to come.
    var returned: IncomingMethod.Return?
    /// Whether the broker returned it since what its route declares was gone: it goes out again after its confirm.
    var lacksQueue = false
    /// What the broker said then, until it says something else.
    var lastReturn: IncomingMethod.Return?
    /// How often it was returned so.
    var returns = 0
    /// Whether somebody may have it already: an earlier connection or channel may have carried it, or one of several queues
    /// taken it.
    var wasSent = false
    /// How often a channel exception sent it back.
    var exceptions = 0
    /// How often the broker refused it with a `basic.nack`.
    var refusals = 0
    /// The link's count of flushes when it was encoded.
    @exclusivity(unchecked) var flush: UInt64 = 0

    init(_ request: PublishRequest, _ caller: Caller) {
        self.request = request
        self.caller = caller
    }

    deinit {
        assert(caller == nil, "A publish to \(request.address) was dropped, and its caller waits.")
    }
}

/// A publish that is to be sent again.
struct PostponedPublish {
    var pending: PendingPublish
    var at: ContinuousClock.Instant
    /// What the broker says when it fails to declare the address; `nil` when the message itself was refused.
    var failure: String?
}

enum PublishCommand: Sendable {
    case publish(PublishRequest, PendingPublish.Caller)
    case cancel(PublishRequest)
}
#endif
