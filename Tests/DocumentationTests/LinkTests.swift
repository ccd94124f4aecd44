import Foundation
import Testing

@Suite("Links in documentation")
struct LinkTests {
    @Test("Every relative link leads to a file, and to a heading of it", arguments: Repository.pages)
    func paths(page: MarkdownPage) {
        for link in page.links {
            guard case .path(let target) = link.target, !target.contains("://"), !target.hasPrefix("mailto:") else {
                continue
            }
            let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let file =
                parts[0].isEmpty
                ? page.file : page.file.deletingLastPathComponent().appendingPathComponent(parts[0]).standardizedFileURL
            guard FileManager.default.fileExists(atPath: file.path) else {
                page.fail(at: link.line, "There is no \(parts[0]).")
                continue
            }
            if parts.count == 2, !MarkdownPage(file).anchors.contains(parts[1]) {
                page.fail(at: link.line, "\(Repository.path(of: file)) has no heading #\(parts[1]).")
            }
        }
    }

    @Test("Every link to a page of a catalogue leads to one", arguments: Repository.pages)
    func articles(page: MarkdownPage) throws {
        for link in page.links {
            guard case .page(let target) = link.target else { continue }
            let catalogue = try #require(Repository.catalogue(of: page.file), "\(page.path) is not in a catalogue.")
            let parts = target.split(separator: "#", maxSplits: 1).map(String.init)
            guard let other = Self.articles(of: catalogue)[parts[0]] else {
                page.fail(at: link.line, "The catalogue \(Repository.path(of: catalogue)) has no page \(parts[0]).")
                continue
            }
            if parts.count == 2, !other.anchors.contains(parts[1].lowercased()) {
                page.fail(at: link.line, "The page \(parts[0]) has no heading #\(parts[1]).")
            }
        }
    }

    @Test("Every page of a catalogue is linked from another page of it", arguments: Repository.pages)
    func reachable(page: MarkdownPage) {
        guard let catalogue = Repository.catalogue(of: page.file), !page.isLanding else { return }
        let name = page.file.deletingPathExtension().lastPathComponent
        let isLinked = Self.articles(of: catalogue).values.contains { other in
            other.file != page.file && other.links.contains { $0.target == .page(name) }
        }
        if !isLinked { page.fail(at: 1, "No page of the catalogue links to <doc:\(name)>.") }
    }

    @Test("Every symbol that a page links to is declared in its module", arguments: Repository.pages)
    func symbols(page: MarkdownPage) throws {
        guard let catalogue = Repository.catalogue(of: page.file) else { return }
        let module = Repository.path(of: catalogue.deletingLastPathComponent())
        let declared = try #require(Repository.declarations[module])
        for link in page.links {
            guard case .symbol(let path) = link.target, !page.isLanding || link.line > 1 else { continue }
            var components = path.split(separator: "/").map { $0.prefix { $0 != "(" && $0 != "-" } }
            // A module, or a symbol of another one: DocC's to resolve.
            if components[0].hasPrefix("Switchboard") { continue }
            components.removeAll { declared.contains($0) }
            if let unknown = components.first {
                page.fail(at: link.line, "Nothing in \(module) is called \(unknown).")
            }
        }
    }

    @Test("Links are found in text, and not in code")
    func parsing() {
        let page = MarkdownPage(
            URL(fileURLWithPath: "/Page.md"),
            text: """
                # Title
                See <doc:Other#a-part>, [one](two.md#x) and ``Type/method(_:)``, not `<doc:Code>`.
                ```
                <doc:Fenced>
                ```
                """)
        #expect(
            Set(page.links.map(\.target))
                == [.page("Other#a-part"), .path("two.md#x"), .symbol("Type/method(_:)")])
        #expect(MarkdownPage(page.file, text: "## What a `Broker` does, when?").anchors == ["what-a-broker-does-when"])
    }

    private static func articles(of catalogue: URL) -> [String: MarkdownPage] {
        let pages = Repository.pages.filter { $0.file.path.hasPrefix(catalogue.path + "/") }
        let named = pages.map { ($0.file.deletingPathExtension().lastPathComponent, $0) }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
    }
}

extension MarkdownPage {
    /// Whether its title is the module's symbol.
    var isLanding: Bool {
        headings.first?.hasPrefix("``") == true
    }

    /// The headings as links name them: in lower case, words joined by hyphens.
    var anchors: Set<String> {
        Set(
            headings.map { heading in
                heading.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
                    .replacing(" ", with: "-")
            })
    }
}
