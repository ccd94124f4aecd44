import Foundation

/// A piece of a compiled file that documentation may quote, between two comments, as DocC's own snippets have them:
///
///     // snippet.NAME
///     let sum = try await client.call(Calculator.add, .init(a: 2, b: 40))
///     // snippet.end
///
/// What stands between `// snippet.hide` and `// snippet.show` is compiled, and is not a part of the region.
struct SnippetRegion: Sendable {
    var name: String
    var file: URL
    /// Of the comment that begins it, from 1 on.
    var line: Int
    /// Without the indentation that all lines share.
    var lines: [String]

    static func regions(in file: URL) -> [SnippetRegion] {
        regions(of: (try? String(contentsOf: file, encoding: .utf8)) ?? "", in: file)
    }

    static func regions(of text: String, in file: URL) -> [SnippetRegion] {
        var found: [SnippetRegion] = []
        var open: SnippetRegion?
        var isHidden = false
        for (index, content) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let command = Self.command(in: content) else {
                if !isHidden { open?.lines.append(String(content)) }
                continue
            }
            switch command {
            case "hide": isHidden = true
            case "show": isHidden = false
            default:
                if var region = open {
                    region.lines = Indentation.removed(from: region.lines)
                    found.append(region)
                }
                isHidden = false
                open = command == "end" ? nil : SnippetRegion(name: command, file: file, line: index + 1, lines: [])
            }
        }
        return found
    }

    private static func command(in line: some StringProtocol) -> String? {
        let trimmed = line.trimmingCharacters(in: .whitespaces)
        let prefix = "// snippet."
        return trimmed.hasPrefix(prefix) ? String(trimmed.dropFirst(prefix.count)) : nil
    }

    /// How many lines of a block it has too, whatever their order.
    func likeness(to block: MarkdownPage.CodeBlock) -> Int {
        Set(lines.filter { !$0.isEmpty }).intersection(block.lines).count
    }
}
