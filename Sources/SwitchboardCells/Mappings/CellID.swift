import SwitchboardMessaging

/// The identifier of a cell: a UUID, written in lower case with dashes.
public struct CellID: Hashable, Sendable {
    private let bits: UUIDBits

    /// Parses a UUID in upper or lower case, with or without dashes. Returns `nil` for any other text.
    public init?(_ text: some StringProtocol) {
        guard let bits = UUIDBits(text) else { return nil }
        self.bits = bits
    }

    private init(bits: UUIDBits) {
        self.bits = bits
    }

    /// What contexts carry of it, which are of a layer below.
    init(_ identity: MQCell.Identity) {
        bits = UUIDBits(high: identity.high, low: identity.low)
    }

    var identity: MQCell.Identity { MQCell.Identity(high: bits.high, low: bits.low) }

    /// The cell for instances that couldn't be scheduled: all zeros, as in Nova. It has no message queue.
    public static let cell0 = CellID(bits: UUIDBits(high: 0, low: 0))

    /// A new identifier (UUID version 4).
    public static func random() -> CellID {
        CellID(bits: .random())
    }

    /// Whether this is ``cell0``.
    public var isCell0: Bool {
        self == .cell0
    }
}

extension CellID: Comparable {
    public static func < (left: CellID, right: CellID) -> Bool {
        (left.bits.high, left.bits.low) < (right.bits.high, right.bits.low)
    }
}

extension CellID: CustomStringConvertible {
    public var description: String { bits.text }
}

extension CellID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = CellID(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "A cell's identifier is a UUID.")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// How a cell is named in sentences, errors and logs: `uuid (name)`, or only the UUID.
public struct CellIdentity: Hashable, Sendable, CustomStringConvertible {
    public var id: CellID
    public var name: String?

    public init(id: CellID, name: String? = nil) {
        self.id = id
        self.name = name
    }

    public var description: String {
        guard let name, !name.isEmpty else { return id.description }
        return "\(id) (\(name))"
    }
}
