#if RabbitMQ
    import Foundation
    import NIOCore
    import NIOHTTP1

    /// Sends one request, and collects its answer within a bound.
    final class HTTPCollector: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        struct Response: Sendable {
            var status: UInt = 0
            /// In seconds since 1970.
            var date: Double?
            var body: [UInt8] = []
        }

        private static let largestBody = 16 * 1024 * 1024

        private let head: HTTPRequestHead
        private let body: [UInt8]
        private let promise: EventLoopPromise<Response>
        private var response = Response()

        /// - Parameter body: what is sent; empty for nothing.
        init(_ head: HTTPRequestHead, _ body: [UInt8] = [], _ promise: EventLoopPromise<Response>) {
            self.head = head
            self.body = body
            self.promise = promise
        }

        func channelActive(context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !body.isEmpty {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                response.status = head.status.code
                response.date = head.headers.first(name: "Date").flatMap(Self.time)
            case .body(let piece):
                guard response.body.count + piece.readableBytes <= Self.largestBody else {
                    promise.fail(ManagementError("the management API's answer is too large"))
                    return context.close(promise: nil)
                }
                response.body += piece.readableBytesView
            case .end:
                promise.succeed(response)
                context.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise.fail(error)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.fail(ManagementError("the management API closed the connection without an answer"))
        }

        /// `Sun, 29 Nov 2026 18:35:39 GMT`
        private static func time(_ text: String) -> Double? {
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.timeZone = TimeZone(secondsFromGMT: 0)
            format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
            return format.date(from: text)?.timeIntervalSince1970
        }
    }
#endif
