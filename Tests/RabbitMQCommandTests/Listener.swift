#if RabbitMQ && TLS
import NIOCore
import NIOPosix
import NIOSSL
import SwitchboardCore

/// Something on a free port of 127.0.0.1 that is no broker.
final class Listener: Sendable {
    enum Manner: Sendable {
        /// It takes connections and sends nothing.
        case silent
        /// It closes each at once.
        case closes
        /// It answers the first bytes with these, and goes on or hangs up.
        case answers([UInt8], hangsUp: Bool)
        /// TLS with a certificate of the folder Data; it answers the first bytes in it, if with anything.
        case tls(String, answer: [UInt8] = [], wantsCertificate: Bool = false)
    }

    let port: Int
    private let channel: any Channel
    private let children: Locked<[any Channel]>

    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    static func with<Result>(_ manner: Manner, _ body: (Listener) async throws -> Result) async throws -> Result {
        let listener = try await Listener(manner)
        do {
            let result = try await body(listener)
            try await listener.end()
            return result
        } catch {
            try? await listener.end()
            throw error
        }
    }

    private init(_ manner: Manner) async throws {
        let context: NIOSSLContext?
        if case .tls(let name, _, let wantsCertificate) = manner {
            let chain = try NIOSSLCertificate.fromPEMFile(Equipment.file("\(name).pem"))
            let key = try NIOSSLPrivateKey(file: Equipment.file("\(name).key"), format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            if wantsCertificate {
                configuration.certificateVerification = .noHostnameVerification
                configuration.trustRoots = .file(Equipment.file("ca.pem"))
            }
            context = try NIOSSLContext(configuration: configuration)
        } else {
            context = nil
        }
        let children = Locked<[any Channel]>([])
        self.children = children
        channel = try await ServerBootstrap(group: Self.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                children.withLock { $0.append(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.addHandler(Answering(manner))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress!.port!
    }

    private func end() async throws {
        try await channel.close()
        for child in children.withLock({ $0 }) { child.close(promise: nil) }
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let manner: Manner
        private var hasAnswered = false

        init(_ manner: Manner) {
            self.manner = manner
        }

        func channelActive(context: ChannelHandlerContext) {
            if case .closes = manner { context.close(promise: nil) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let (bytes, hangsUp): ([UInt8], Bool)
            switch manner {
            case .answers(let answer, let ends): (bytes, hangsUp) = (answer, ends)
            case .tls(_, let answer, _): (bytes, hangsUp) = (answer, false)
            case .silent, .closes: return
            }
            guard !hasAnswered, !bytes.isEmpty else { return }
            hasAnswered = true
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            if hangsUp { context.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
#endif
