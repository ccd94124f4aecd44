#if RabbitMQ
import NIOCore
import SwitchboardCore

#if TLS
import NIOSSL

/// TLS of a connection: certificate and host name are verified unless told otherwise.
struct TLSClient: Sendable {
    private let context: NIOSSLContext
    private let verifiesHostName: Bool

    /// Reads the files. Throws `invalidOption` for those that cannot be used.
    init(_ options: RabbitMQConfiguration.TLS) throws(TransportError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = options.minimumVersion == "TLSv1_3" ? .tlsv13 : .tlsv12
        configuration.certificateVerification = options.verifiesHostName ? .fullVerification : .noHostnameVerification
        do {
            if !options.authorityFile.isEmpty {
                configuration.trustRoots = .certificates(
                    try Self.read("ssl_ca_file") { try NIOSSLCertificate.fromPEMFile(options.authorityFile) })
            }
            if !options.certificateFile.isEmpty {
                configuration.certificateChain = try Self.read("ssl_cert_file") {
                    try NIOSSLCertificate.fromPEMFile(options.certificateFile).map { .certificate($0) }
                }
                let keyFile = options.keyFile.isEmpty ? options.certificateFile : options.keyFile
                configuration.privateKey = try Self.read("ssl_key_file") {
                    .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
                }
            }
            context = try NIOSSLContext(configuration: configuration)
        } catch let error as TransportError {
            throw error
        } catch {
            throw TransportError(.invalidOption, "TLS to RabbitMQ cannot be set up: \(error).")
        }
        verifiesHostName = options.verifiesHostName
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
        // SNI carries names only; an address is checked against the certificate's addresses.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host))
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

    func add(to pipeline: ChannelPipeline.SynchronousOperations, host: String) throws {}
}
#endif
#endif
