#if RabbitMQ
/// What a broker says of itself before anyone has logged in.
package struct BrokerIdentity: Hashable, Sendable {
    package var product: String?
    package var version: String?
    /// The login methods that it offers.
    package var mechanisms: [String]

    /// `RabbitMQ 4.3.6`.
    package var name: String {
        [product ?? "a broker that doesn't say its product", version].compactMap(\.self).joined(separator: " ")
    }

    /// Major and minor version; `nil` for another product, and for a version that isn't numbers.
    package var release: (major: Int, minor: Int)? {
        guard product == "RabbitMQ", let version else { return nil }
        let parts = version.split(separator: ".").prefix(2).compactMap { Int($0) }
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }
}
#endif
