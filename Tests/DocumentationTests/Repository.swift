import Foundation

/// The files of this repository that documentation consists of, or quotes.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// README.md, the READMEs of the examples, and every page of every DocC catalogue.
    static let pages: [MarkdownPage] = {
        let readmes =
            files(under: "", recursively: false) { $0.lastPathComponent == "README.md" }
            + files(under: "Examples") { $0.lastPathComponent == "README.md" }
        let articles = ["Sources", "Plugins"].flatMap { folder in
            files(under: folder) { $0.pathExtension == "md" && catalogue(of: $0) != nil }
        }
        return (readmes + articles).map(MarkdownPage.init)
    }()

    /// The regions of compiled code that documentation may quote: of the tests and of the examples.
    static let regions: [SnippetRegion] = ["Tests", "Examples"].flatMap { folder in
        files(under: folder) { $0.pathExtension == "swift" }.flatMap(SnippetRegion.regions(in:))
    }

    /// What the sources of each module with a catalogue declare, by the module's folder.
    static let declarations: [String: Set<Substring>] = {
        let modules = Set(pages.compactMap { catalogue(of: $0.file)?.deletingLastPathComponent() })
        var found: [String: Set<Substring>] = [:]
        for module in modules {
            found[path(of: module)] = sources(in: module).reduce(into: ["init", "subscript"]) { declared, file in
                declared.formUnion(names(in: file))
            }
        }
        return found
    }()

    /// The names in lines that declare something. Far too many for a compiler, and enough to find a name that is gone.
    private static func names(in file: URL) -> Set<Substring> {
        let keywords: Set<Substring> = [
            "struct", "class", "enum", "actor", "protocol", "typealias", "func", "var", "let", "case",
        ]
        var found: Set<Substring> = []
        for line in ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n") {
            let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            guard let keyword = words.firstIndex(where: keywords.contains) else { continue }
            found.formUnion(words[keyword...].dropFirst().prefix(words[keyword] == "case" ? .max : 1))
        }
        return found
    }

    /// The `.docc` folder that a file is in.
    static func catalogue(of file: URL) -> URL? {
        var folder = file.deletingLastPathComponent()
        while folder.path.count > root.path.count {
            if folder.pathExtension == "docc" { return folder }
            folder.deleteLastPathComponent()
        }
        return nil
    }

    private static func sources(in folder: URL) -> [URL] {
        let path = String(folder.path.dropFirst(root.path.count + 1))
        return files(under: path) { $0.pathExtension == "swift" }
    }

    static func path(of file: URL) -> String {
        String(file.standardizedFileURL.path.dropFirst(root.standardizedFileURL.path.count + 1))
    }

    private static func files(
        under folder: String, recursively: Bool = true, where isWanted: (URL) -> Bool
    ) -> [URL] {
        let start = folder.isEmpty ? root : root.appendingPathComponent(folder)
        var options: FileManager.DirectoryEnumerationOptions = [.skipsHiddenFiles]
        if !recursively { options.insert(.skipsSubdirectoryDescendants) }
        let found = FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil, options: options)
        return (found?.allObjects as? [URL] ?? [])
            .filter(isWanted).map(\.standardizedFileURL).sorted { $0.path < $1.path }
    }
}
