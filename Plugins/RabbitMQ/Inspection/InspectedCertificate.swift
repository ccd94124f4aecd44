#if RabbitMQ
/// What a broker shows of itself when TLS begins.
package struct InspectedCertificate: Hashable, Sendable {
    /// The names in it.
    package var names: String
    /// In seconds since 1970.
    package var validFrom: Int
    /// In seconds since 1970.
    package var validUntil: Int
}

/// How TLS began with a broker.
package struct InspectedTLS: Hashable, Sendable {
    /// Why the certificate isn't accepted.
    package enum Refusal: Hashable, Sendable {
        case expired
        case notYetValid
        case wrongName(String)
        /// Not signed by an authority that is trusted here.
        case untrusted
        /// Something else, or a step that is not about the certificate.
        case other(String)
    }

    /// The broker's own first; then those that signed it, as far as it sent them.
    package var chain: [InspectedCertificate]
    /// `nil` when the certificate is accepted with the options given.
    package var refusal: Refusal?

    /// The end of the first certificate to expire.
    package var validUntil: Int? { chain.map(\.validUntil).min() }
}
#endif
