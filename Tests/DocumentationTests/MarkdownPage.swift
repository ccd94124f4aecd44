import Foundation
import Testing

/// A page of documentation: its blocks of code, links and headings, each with its line.
struct MarkdownPage: Sendable, CustomTestStringConvertible {
    struct CodeBlock: Sendable {
        var language: String
        /// Without the fences, and without the indentation that all lines share.
        var lines: [String]
        /// Of the opening fence, from 1 on.
        var line: Int
    }

    struct Link: Sendable, Hashable {
        enum Target: Sendable, Hashable {
            /// `[text](target)`
            case path(String)
            /// `<doc:target>`
            case page(String)
            /// A symbol between two backquotes on each side.
            case symbol(String)
        }

        var target: Target
        var line: Int
    }

    let file: URL
    let blocks: [CodeBlock]
    let links: [Link]
    let headings: [String]

    var path: String { Repository.path(of: file) }
    var testDescription: String { path }

    init(_ file: URL) {
        self.init(file, text: (try? String(contentsOf: file, encoding: .utf8)) ?? "")
    }

    init(_ file: URL, text: String) {
        self.file = file
        var blocks: [CodeBlock] = []
        var links: [Link] = []
        var headings: [String] = []
        var open: CodeBlock?
        for (index, content) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = String(content)
            let trimmed = content.trimmingCharacters(in: .whitespaces)
            if trimmed.hasPrefix("```"), !trimmed.dropFirst(3).contains("`") {
                if var block = open {
                    block.lines = Indentation.removed(from: block.lines)
                    blocks.append(block)
                    open = nil
                } else {
                    let language = trimmed.dropFirst(3).trimmingCharacters(in: .whitespaces)
                    open = CodeBlock(language: language.lowercased(), lines: [], line: index + 1)
                }
            } else if open != nil {
                open?.lines.append(content)
            } else {
                if trimmed.hasPrefix("#") {
                    headings.append(trimmed.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces))
                }
                links += Self.links(in: content).map { Link(target: $0, line: index + 1) }
            }
        }
        self.blocks = blocks
        self.links = links
        self.headings = headings
    }

    /// The links of a line of text. What stands in a code span is not one.
    private static func links(in line: String) -> [Link.Target] {
        var found: [Link.Target] = []
        found += line.matches(of: /``([^`]+)``/).map { .symbol(String($0.output.1)) }
        let prose = line.replacing(/``[^`]+``|`[^`]+`/, with: "")
        found += prose.matches(of: /<doc:([^>\s]+)>/).map { .page(String($0.output.1)) }
        found += prose.matches(of: /\]\(([^)\s]+)\)/).map { match in
            let target = String(match.output.1)
            return target.hasPrefix("doc:") ? .page(String(target.dropFirst(4))) : .path(target)
        }
        return found
    }
}

/// The indentation that the lines of a piece of code share.
enum Indentation {
    static func removed(from lines: [String]) -> [String] {
        var lines = lines.map { line in
            String(line.reversed().drop { $0 == " " || $0 == "\t" || $0 == "\r" }.reversed())
        }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        while lines.last?.isEmpty == true { lines.removeLast() }
        let shared = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { String($0.dropFirst(shared)) }
    }
}
