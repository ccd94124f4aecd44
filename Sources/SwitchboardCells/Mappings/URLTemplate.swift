internal import SwitchboardCore

/// A URL as a directory stores it: plain, or with Nova's variables in braces.
///
///     {scheme}://{username}:{password}@rabbit-cell2.example:{port}/nova_cell2?{query}
///
/// The variables take their values from the process's own URL (``BaseURL``), so that the directory doesn't have to
/// contain the credentials: `{scheme} {username} {password} {hostname} {port} {path} {query} {fragment}`, and for base
/// URLs with several hosts `{username1} {password1} {hostname1} {port1}` and so on (nova-cells.md §4.2). `{{` and `}}`
/// stand for single braces.
///
/// Every description masks the secrets in it; ``reveal()`` returns the text as stored.
public struct URLTemplate: Hashable, Sendable {
    private let text: Secret

    public init(_ text: String) {
        self.text = Secret(text)
    }

    /// The text as stored. The caller is responsible for where it goes.
    public func reveal() -> String {
        text.reveal()
    }

    /// Whether the text is empty.
    public var isEmpty: Bool {
        text.isEmpty
    }

    /// Whether the text contains a brace, so that it is filled in before use.
    public var isTemplate: Bool {
        text.reveal().utf8.contains { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }
    }

    /// Whether a text is one variable in its braces, which is no secret where one could be.
    static func isVariable(_ text: String) -> Bool {
        guard text.hasPrefix("{"), text.hasSuffix("}") else { return false }
        return Variable(text.dropFirst().dropLast()) != nil
    }
}

extension URLTemplate: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) {
        self.init(value)
    }
}

extension URLTemplate: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text with every secret masked, and otherwise unchanged.
    public var description: String { URLMasker.masked(text.reveal(), sparing: Self.isVariable) }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["text": description]) }
}

extension URLTemplate: Encodable {
    /// Encodes the masked text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
