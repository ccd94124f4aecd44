#if RabbitMQ
    import Foundation
    import NIOCore
    import NIOHTTP1
    import NIOPosix
    import SwitchboardCore

    /// Serves metrics over HTTP at `/metrics`, one answer a connection, to this machine alone.
    final class MetricsServer: Sendable {
        let address: ListenAddress
        private let channel: any Channel

        /// Listens. Throws a `Failure` where that can't be.
        ///
        /// - Parameter text: the metrics; `nil` while there are none.
        init(_ address: ListenAddress, _ text: @escaping @Sendable () -> String?) async throws {
            let count = Locked(0)
            do {
                channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let pipeline = channel.pipeline.syncOperations
                            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                            try pipeline.addHandler(MetricsHandler(count, text))
                        }
                    }
                    .bind(host: address.host, port: address.port).get()
            } catch {
                let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
                throw Failure("Metrics can't be served on \(address): \(reason).", exit: 74)
            }
            self.address = ListenAddress(
                host: address.host, port: channel.localAddress?.port ?? address.port)
        }

        /// Serves until the task is cancelled.
        func run() async {
            await withTaskCancellationHandler {
                try? await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        }
    }

    /// Answers one request. A client has a bounded time for all of it, and may send little.
    private final class MetricsHandler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private static let mostClients = 64
        private static let limit = TimeAmount.seconds(30)
        private static let largestBody = 65_536

        private let count: Locked<Int>
        private let text: @Sendable () -> String?
        private var head: HTTPRequestHead?
        private var bodySize = 0
        private var isCounted = false
        private var timer: Scheduled<Void>?

        init(_ count: Locked<Int>, _ text: @escaping @Sendable () -> String?) {
            self.count = count
            self.text = text
        }

        func channelActive(context: ChannelHandlerContext) {
            let clients = count.withLock { count in
                count += 1
                return count
            }
            isCounted = true
            guard clients <= Self.mostClients else { return context.close(promise: nil) }
            let channel = context.channel
            timer = context.eventLoop.scheduleTask(in: Self.limit) { channel.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            timer?.cancel()
            if isCounted { count.withLock { $0 -= 1 } }
            isCounted = false
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = self.head ?? head
            case .body(let piece):
                bodySize += piece.readableBytes
                if bodySize > Self.largestBody { context.close(promise: nil) }
            case .end:
                guard let head else { return }
                answer(head, context)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
            let path = request.uri.prefix { $0 != "?" }
            let (status, body): (HTTPResponseStatus, String)
            switch (request.method, path) {
            case (.GET, "/metrics"), (.HEAD, "/metrics"):
                if let text = text() {
                    (status, body) = (.ok, text)
                } else {
                    (status, body) = (.serviceUnavailable, "The first sweep has not ended yet.\n")
                }
            case (.GET, _), (.HEAD, _): (status, body) = (.notFound, "The metrics are at /metrics.\n")
            default: (status, body) = (.methodNotAllowed, "GET /metrics\n")
            }
            let head = HTTPResponseHead(
                version: .http1_1, status: status,
                headers: [
                    "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
                    "Content-Length": "\(body.utf8.count)", "Connection": "close",
                ])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if request.method != .HEAD {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
            }
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
        }
    }
#endif
