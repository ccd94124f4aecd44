/// A password or token that no description, dump, encoder or log shows.
///
/// Only ``reveal()`` returns the text, so a search for that word finds every place where a secret leaves.
public struct Secret: Hashable, Sendable {
    private let value: String

    public init(_ value: String) {
        self.value = value
    }

    /// What every description shows instead of the text.
    public static let mask = "***"

    /// The text itself. The caller is responsible for where it goes.
    public func reveal() -> String {
        value
    }

    /// Whether the text is empty.
    public var isEmpty: Bool {
        value.isEmpty
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { Secret.mask }
    public var debugDescription: String { Secret.mask }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) {
        self.init(value)
    }
}

extension Secret: Encodable {
    /// Encodes the mask, because an encoder is another way for a secret to leave.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Secret.mask)
    }
}
