#if RabbitMQ
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// NIO's errors in words for people.
enum ConnectFailure {
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return describe(first.error) }
            let resolving = error.dnsAError ?? error.dnsAAAAError
            return "the host name \(error.host) was not resolved"
                + (resolving.map { " (\(describe($0)))" } ?? "")
        case let error as IOError:
            return String(cString: strerror(error.errnoCode))
        case let error as ChannelError:
            if case .connectTimeout = error { return "the host did not answer in time" }
            return "\(error)"
        default:
            return "\(error)"
        }
    }
}
#endif
