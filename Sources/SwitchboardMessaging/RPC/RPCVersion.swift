/// A version of an RPC interface: `major.minor` or `major.minor.revision`.
public struct RPCVersion: Hashable, Sendable {
    public var major: Int
    public var minor: Int
    public var revision: Int

    public init(_ major: Int, _ minor: Int, _ revision: Int = 0) {
        self.major = major
        self.minor = minor
        self.revision = revision
    }

    /// Parses `1.2` or `1.2.3`. Returns `nil` for anything else.
    public init?(_ text: String) {
        var numbers = (0, 0, 0)
        var parts = 1
        var digits = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "."):
                guard digits > 0, parts < 3 else { return nil }
                (numbers, parts, digits) = ((numbers.1, numbers.2, 0), parts + 1, 0)
            case 0x30...0x39:
                let (product, isTooLarge) = numbers.2.multipliedReportingOverflow(by: 10)
                let (sum, isTooLargeStill) = product.addingReportingOverflow(Int(byte - 0x30))
                guard !isTooLarge, !isTooLargeStill else { return nil }
                numbers.2 = sum
                digits += 1
            default: return nil
            }
        }
        guard digits > 0, parts > 1 else { return nil }
        self = parts == 2 ? RPCVersion(numbers.1, numbers.2) : RPCVersion(numbers.0, numbers.1, numbers.2)
    }

    /// Whether an implementation of this version can serve a request for `requested`: the major versions are equal, and
    /// the requested minor version, or the revision of the same minor version, isn't newer (oslo-wire.md §5.3).
    public func isCompatible(with requested: RPCVersion) -> Bool {
        major == requested.major
            && (requested.minor < minor || (requested.minor == minor && requested.revision <= revision))
    }
}

extension RPCVersion: CustomStringConvertible {
    public var description: String {
        // Every request carries one, nearly always of this size.
        if revision == 0, (0...9).contains(major), (0...99).contains(minor) {
            return String(unsafeUninitializedCapacity: 4) { text in
                var length = 2
                func put(_ digit: Int) {
                    text[length] = 0x30 + UInt8(digit)
                    length += 1
                }
                (text[0], text[1]) = (0x30 + UInt8(major), UInt8(ascii: "."))
                if minor > 9 { put(minor / 10) }
                put(minor % 10)
                return length
            }
        }
        return revision == 0 ? "\(major).\(minor)" : "\(major).\(minor).\(revision)"
    }
}

extension RPCVersion: Comparable {
    public static func < (one: RPCVersion, other: RPCVersion) -> Bool {
        (one.major, one.minor, one.revision) < (other.major, other.minor, other.revision)
    }
}

extension RPCVersion: ExpressibleByStringLiteral {
    /// Traps if the literal isn't a version.
    public init(stringLiteral text: String) {
        guard let version = RPCVersion(text) else {
            preconditionFailure("\"\(text)\" is no RPC version; write major.minor, for example \"1.0\".")
        }
        self = version
    }
}
