#if RabbitMQ
/// What RabbitMQ a connection leads to, as far as anything here depends on it.
struct BrokerVersion: Hashable, Sendable {
    private let major: Int
    private let minor: Int

    /// From the broker's properties. `nil` for another product, and for a version that is not of numbers.
    init?(product: String?, version: String?) {
        guard product == "RabbitMQ", let version else { return nil }
        let parts = version.split(separator: ".").prefix(2).compactMap { Int($0) }
        guard parts.count == 2 else { return nil }
        (major, minor) = (parts[0], parts[1])
    }

    /// Whether it has `connection.update-secret`, since 3.8; it is not among the capabilities that a broker names.
    var knowsUpdateSecret: Bool { (major, minor) >= (3, 8) }

    /// How often a message of a quorum queue may come back where neither queue nor policy says so: 20 times, since 4.0.
    var quorumDeliveryLimit: Int? { major >= 4 ? 20 : nil }

    /// Whether it may refuse transient queues that aren't exclusive, as RabbitMQ does since 4.3.
    var mayRefuseTransientQueues: Bool { (major, minor) >= (4, 3) }

    /// Whether a quorum queue counts what comes back by `basic.nack` as an attempt, as it does with `basic.reject`: before 4.3.
    var countsReleases: Bool { (major, minor) < (4, 3) }

    /// Which attempt a delivery from a quorum queue is.
    ///
    /// A publisher may have put the same headers into its message, and a queue writes them only where its own count isn't
    /// zero. So a first delivery is the first whatever its headers say. Since 4.3, `x-acquired-count` is the queue's own on
    /// every later one and counts all deliveries; `x-delivery-count`, the failed ones among them, is a publisher's where
    /// none has failed, as it surely is when it exceeds the other.
    func attempt(_ headers: [String: String], isRedelivered: Bool) -> Int {
        guard isRedelivered else { return 1 }
        func count(_ name: String) -> Int? {
            headers[name].flatMap { Int($0) }.flatMap { (0..<Int.max).contains($0) ? $0 : nil }
        }
        let failures = count("x-delivery-count") ?? 0
        guard !countsReleases, let deliveries = count("x-acquired-count"), deliveries > 0 else { return failures + 1 }
        return (failures <= deliveries ? failures : 0) + 1
    }
}
#endif
