#if RabbitMQ
import NIOCore
import SwitchboardCore

#if TLS
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// TLS of a driver's connections: certificate and host name are verified unless told otherwise.
final class TLSClient: Sendable {
    /// What was read, and from which state of the files.
    private struct Material {
        var context: NIOSSLContext
        var stamps: [FileStamp?]
    }

    private let options: RabbitMQConfiguration.TLS
    private let material: Locked<Material>

    /// Reads the files. Throws `invalidOption` for those that cannot be used.
    init(_ options: RabbitMQConfiguration.TLS) throws(TransportError) {
        self.options = options
        let stamps = Self.stamps(of: options)
        material = Locked(Material(context: try Self.makeContext(options), stamps: stamps))
    }

    /// Reads the files again if they have changed, as certificates are renewed while a program runs. What cannot be used is
    /// thrown once, and what was read before stays in use.
    @concurrent
    func refresh() async throws(TransportError) {
        let stamps = Self.stamps(of: options)
        let hasChanged = material.withLock { material in
            defer { material.stamps = stamps }
            return material.stamps != stamps
        }
        guard hasChanged else { return }
        let context = try Self.makeContext(options)
        material.withLock { $0.context = context }
    }

    private static func stamps(of options: RabbitMQConfiguration.TLS) -> [FileStamp?] {
        [options.authorityFile, options.certificateFile, options.keyFile].map { $0.flatMap(FileStamp.init) }
    }

    private static func makeContext(_ options: RabbitMQConfiguration.TLS) throws(TransportError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = options.minimumVersion == .tls13 ? .tlsv13 : .tlsv12
        configuration.certificateVerification = options.verifiesHostName ? .fullVerification : .noHostnameVerification
        do {
            if let authorityFile = options.authorityFile {
                configuration.trustRoots = .certificates(
                    try read("ssl_ca_file") { try NIOSSLCertificate.fromPEMFile(authorityFile) })
            }
            if let certificateFile = options.certificateFile {
                configuration.certificateChain = try read("ssl_cert_file") {
                    try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) }
                }
                let keyFile = options.keyFile ?? certificateFile
                configuration.privateKey = try read("ssl_key_file") {
                    .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
                }
            }
            return try NIOSSLContext(configuration: configuration)
        } catch let error as TransportError {
            throw error
        } catch {
            throw TransportError(.invalidOption, "TLS to RabbitMQ cannot be set up: \(error).")
        }
    }

    private static func read<Value>(_ option: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw TransportError(
                .invalidOption, "The file of the option \(option) of the RabbitMQ URL cannot be used: \(error).",
                cause: error)
        }
    }

    func add(to pipeline: ChannelPipeline.SynchronousOperations, host: String) throws {
        let context = material.withLock { $0.context }
        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: Self.name(host)))
    }

    /// The same without verification: `present` gets what the broker shows, whatever it is.
    func addUnverified(
        to pipeline: ChannelPipeline.SynchronousOperations, host: String,
        present: @escaping @Sendable ([NIOSSLCertificate]) -> Void
    ) throws {
        let context = material.withLock { $0.context }
        try pipeline.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: Self.name(host)) { certificates, promise in
                present(certificates)
                promise.succeed(.certificateVerified)
            })
    }

    /// SNI carries names only; an address is checked against the certificate's addresses.
    private static func name(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil ? nil : host
    }
}

/// Tells one state of a file from another, as a file that is written or replaced gets another time or number.
private struct FileStamp: Hashable {
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    /// `nil` where there is no file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
        let time = status.st_mtimespec
        #else
        let time = status.st_mtim
        #endif
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = time.tv_sec
        nanoseconds = time.tv_nsec
    }
}
#else
/// The package was built without its trait `TLS`.
struct TLSClient: Sendable {
    init(_ options: RabbitMQConfiguration.TLS) throws(TransportError) {
        throw TransportError(
            .unsupported,
            "This program was built without TLS: build Switchboard with its trait TLS, or connect without ssl and amqps."
        )
    }

    func refresh() async throws(TransportError) {}
    func add(to pipeline: ChannelPipeline.SynchronousOperations, host: String) throws {}
}
#endif
#endif
