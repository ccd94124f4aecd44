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
}
#endif
