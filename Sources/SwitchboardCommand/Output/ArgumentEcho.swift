import StandardStreams
import SwitchboardCore

/// Cleans sentences that repeat arguments. An argument's own bounds are known, so a password in it is masked whatever it
/// is made of: blanks and line breaks end it in a sentence.
struct ArgumentEcho {
    /// What may be repeated, the longest first, and what is shown instead.
    private let replacements: [(text: String, shown: String)]

    static let own = ArgumentEcho(Array(CommandLine.arguments.dropFirst()))

    init(_ arguments: [String]) {
        var texts: Set<String> = []
        for argument in arguments {
            texts.insert(argument)
            // Of `--option=value` and `name:=value` the value alone may be repeated, or the name.
            if let equals = argument.utf8.firstIndex(of: UInt8(ascii: "=")) {
                texts.insert(String(argument[argument.utf8.index(after: equals)...]))
                texts.insert(String(argument[..<equals]))
            }
        }
        replacements = texts.filter { $0.utf8.count > 2 }
            .map { ($0, Self.shown($0)) }
            .filter { $0 != $1 }
            .sorted { $0.0.utf8.count > $1.0.utf8.count }
    }

    func cleaned(_ sentence: String) -> String {
        replacements.reduce(sentence) { $0.replacing($1.text, with: $1.shown) }
    }

    private static func shown(_ argument: String) -> String {
        let isURL = argument.utf8.contains(UInt8(ascii: "@")) || argument.contains(":/")
        return Secret.masked(in: isURL ? URLMasker.masked(argument) : argument).printable
    }
}
