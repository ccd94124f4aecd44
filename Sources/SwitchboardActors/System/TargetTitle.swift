import Distributed

/// A distributed method's name as Swift's runtime writes it: `Module.Type.method(label:label:)`.
struct TargetTitle: Hashable, Sendable {
    /// `Module.Type`, without the module for types inside others, the module alone for private types, and empty for types
    /// inside functions.
    let owner: String
    /// `method`.
    let base: String
    /// The labels, `_` for an argument without one.
    let labels: [String]

    /// Whether the owner is the stub `$Protocol` that `@Resolvable` makes.
    var isThroughProtocol: Bool {
        (owner.split(separator: ".").last ?? "").hasPrefix("$")
    }

    /// `nil` for anything that isn't a method with a plain name.
    init?(of identifier: String) {
        let text = RemoteCallTarget(identifier).description
        guard text.last == ")", let open = text.lastIndex(of: "(") else { return nil }
        let path = text[..<open]
        if let dot = path.lastIndex(of: ".") {
            owner = String(path[..<dot])
            base = path[path.index(after: dot)...].trimmed
        } else {
            owner = ""
            base = path.trimmed
        }
        guard !base.isEmpty, base.allSatisfy({ $0 != " " && $0 != "$" && $0 != "(" }) else { return nil }
        let inside = text[text.index(after: open)...].dropLast()
        guard inside.isEmpty || inside.last == ":" else { return nil }
        labels = inside.split(separator: ":").map { $0.trimmed }
    }
}

extension Substring {
    /// Without the backquotes of a name that is a keyword.
    fileprivate var trimmed: String {
        count > 2 && first == "`" && last == "`" ? String(dropFirst().dropLast()) : String(self)
    }
}
