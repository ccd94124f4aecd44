import ArgumentParser

/// A version of RabbitMQ, as far as what it takes depends on it.
struct BrokerRelease: Comparable, Hashable, Sendable, ExpressibleByArgument, CustomStringConvertible {
    let major: Int
    let minor: Int

    init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// `4.3` or `4.3.6`.
    init?(argument: String) {
        let parts = argument.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard (2...4).contains(parts.count), let major = parts[0], let minor = parts[1], major > 0, minor >= 0 else {
            return nil
        }
        self.init(major, minor)
    }

    var description: String { "\(major).\(minor)" }

    static func < (left: BrokerRelease, right: BrokerRelease) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
