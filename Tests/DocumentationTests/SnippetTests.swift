import Foundation
import Logging
import Testing

@Suite("Snippets of code in documentation")
struct SnippetTests {
    @Test("Every block of Swift is a marked region of a compiled file", arguments: Repository.pages)
    func compiled(page: MarkdownPage) {
        for block in page.blocks where block.language.split(separator: ",").first == "swift" {
            guard !Repository.regions.contains(where: { $0.lines == block.lines }) else { continue }
            page.fail(at: block.line, Self.explanation(of: block))
        }
    }

    @Test("Every region that is marked for documentation is quoted in it")
    func quoted() {
        let quoted = Set(Repository.pages.flatMap(\.blocks).map(\.lines))
        for region in Repository.regions where !quoted.contains(region.lines) {
            guard region.file.path.contains("/DocumentationTests/Snippets/") else { continue }
            let path = Repository.path(of: region.file)
            Issue.record("\(path):\(region.line): no page quotes the region \(region.name). Delete it, or quote it.")
        }
    }

    @Test("The program on the first page ends", .timeLimit(.minutes(2)))
    func firstProgram() async throws {
        try await transportSnippet(logger: Logger(label: "documentation"))
    }

    @Test("There are pages, blocks and regions to compare")
    func present() {
        #expect(Repository.pages.count > 20)
        #expect(Repository.pages.flatMap(\.blocks).contains { $0.language == "swift" })
        #expect(!Repository.regions.isEmpty)
    }

    @Test("Indentation and hidden lines make no difference, and a changed line does")
    func comparison() throws {
        let file = URL(fileURLWithPath: "/Example.swift")
        let source = """
                func example() {
                    // snippet.sum
                    let a = 1
                    // snippet.hide
                    print(a)
                    // snippet.show
                    if a == 1 {
                        print("one")
                    }
                    // snippet.end
                }
            """
        let text = """
            # A page

            1. A list

               ```swift
               let a = 1
               if a == 1 {
                   print("one")
               }
               ```

            ```sh
            ls
            ```
            """
        let region = try #require(SnippetRegion.regions(of: source, in: file).first)
        let page = MarkdownPage(file, text: text)
        #expect(page.blocks.map(\.language) == ["swift", "sh"])
        #expect(page.blocks.map(\.line) == [5, 12])
        #expect(page.blocks[0].lines == region.lines)
        let changed = MarkdownPage(file, text: text.replacing("one", with: "two"))
        #expect(changed.blocks[0].lines != region.lines)
        #expect(region.likeness(to: changed.blocks[0]) == 3)
    }

    private static func explanation(of block: MarkdownPage.CodeBlock) -> String {
        let nearest = Repository.regions.max { $0.likeness(to: block) < $1.likeness(to: block) }
        guard let nearest, nearest.likeness(to: block) > 0 else {
            return "No compiled file has this block between \"// snippet.NAME\" and \"// snippet.end\"."
        }
        let difference = zip(block.lines, nearest.lines).first { $0 != $1 }
        let lines = difference.map { "the page has\n    \($0)\nwhere the file has\n    \($1)" }
        let place = "\(Repository.path(of: nearest.file)):\(nearest.line)"
        return
            "The block differs from the region \(nearest.name) at \(place): \(lines ?? "one of the two has more lines.")"
    }
}

extension MarkdownPage {
    /// Records a failure at a line of the page.
    func fail(at line: Int, _ sentence: String) {
        Issue.record(
            "\(path):\(line): \(sentence)",
            sourceLocation: SourceLocation(fileID: "switchboard/\(path)", filePath: file.path, line: line, column: 1))
    }
}
