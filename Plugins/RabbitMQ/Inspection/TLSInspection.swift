#if RabbitMQ
import NIOCore
import NIOPosix
import SwitchboardCore

#if TLS
import NIOSSL
import NIOTLS

/// Begins TLS with a broker: once without verification, to see what it shows, and once as the driver does.
struct TLSInspection {
    let client: TLSClient
    let endpoint: Endpoint
    let timeout: Duration
    let eventLoop: any EventLoop

    /// - Parameter now: in seconds since 1970.
    func inspect(now: Int) async throws(InspectionFailure) -> InspectedTLS {
        let shown = Locked<[InspectedCertificate]>([])
        let first = await handshake { [client, endpoint] pipeline in
            try client.addUnverified(to: pipeline, host: endpoint.host) { certificates in
                shown.withLock { $0 = certificates.map(InspectedCertificate.init) }
            }
        }
        let chain = shown.withLock { $0 }
        if let first, chain.isEmpty { throw InspectionFailure(.tls, first) }
        let failure = await handshake { [client, endpoint] pipeline in
            try client.add(to: pipeline, host: endpoint.host)
        }
        return InspectedTLS(chain: chain, refusal: (failure ?? first).map { Self.refusal($0, chain, now) })
    }

    /// Why it failed; `nil` when it did not.
    private func handshake(
        _ add: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    ) async -> String? {
        let outcome = eventLoop.makePromise(of: String?.self)
        let late = "the handshake was not complete within \(timeout.inSeconds)"
        let timer = eventLoop.scheduleTask(in: TimeAmount(clamping: timeout)) { outcome.succeed(late) }
        let connecting = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(clamping: timeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try add(channel.pipeline.syncOperations)
                    try channel.pipeline.syncOperations.addHandler(HandshakeEnd(outcome))
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
        connecting.whenFailure { outcome.succeed(ConnectFailure.describe($0)) }
        let failure = (try? await outcome.futureResult.get()) ?? nil
        timer.cancel()
        connecting.whenSuccess { $0.close(promise: nil) }
        return failure
    }

    private static func refusal(_ failure: String, _ chain: [InspectedCertificate], _ now: Int) -> InspectedTLS.Refusal
    {
        if chain.contains(where: { $0.validUntil < now }) { return .expired }
        if chain.contains(where: { $0.validFrom > now }) { return .notYetValid }
        if failure.contains("Couldn't find") || failure.contains("ailedToValidateHostname") {
            return .wrongName(failure)
        }
        if failure.contains("CERTIFICATE_VERIFY_FAILED") { return .untrusted }
        return .other(failure)
    }

    /// Tells how the handshake ended.
    private final class HandshakeEnd: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let outcome: EventLoopPromise<String?>

        init(_ outcome: EventLoopPromise<String?>) {
            self.outcome = outcome
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted? = event as? TLSUserEvent { outcome.succeed(nil) }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            outcome.succeed(ConnectFailure.describe(error))
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            outcome.succeed("the peer closed the connection during the handshake")
        }
    }
}

extension InspectedCertificate {
    fileprivate init(_ certificate: NIOSSLCertificate) {
        // `<NIOSSLCertificate;common_name=…;alternative_names=…>`
        var names = certificate.description
        if names.hasPrefix("<NIOSSLCertificate;") { names = String(names.dropFirst(19).dropLast()) }
        self.init(
            names: names, validFrom: Int(certificate.notValidBefore), validUntil: Int(certificate.notValidAfter))
    }
}
#endif
#endif
