#if RabbitMQ
import SwitchboardCore

/// One driver's ear for its provider of credentials, and for the lifetimes of those it has.
final class CredentialRenewal: Sendable {
    private let provider: RabbitMQCredentialProvider
    private let source = Locked<AsyncStream<Void>.Continuation?>(nil)

    init(_ provider: RabbitMQCredentialProvider) {
        self.provider = provider
    }

    /// A lifetime is nearly over.
    func signal() {
        source.withLock { $0 }?.yield()
    }

    /// Calls `renew` whenever credentials may have changed, until its task is cancelled.
    func run(_ renew: () async -> Void) async {
        let (stream, source) = provider.renewals()
        self.source.withLock { $0 = source }
        for await _ in stream { await renew() }
        self.source.withLock { $0 = nil }
    }
}
#endif
