/// The part of a document between two lines that a program writes: `<!-- NAME:begin … -->` and `<!-- NAME:end -->`.
package struct GeneratedSection: Sendable {
    package let name: String

    package init(_ name: String) {
        self.name = name
    }

    /// A document that has not the two lines, once each and in order.
    package struct MissingMarkers: Error, CustomStringConvertible {
        package let description: String
    }

    /// The document with `content` between the two lines, which stay.
    package func replacing(in document: String, with content: String) throws(MissingMarkers) -> String {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        let begins = lines.indices.filter { lines[$0].hasPrefix("<!-- \(name):begin") && lines[$0].hasSuffix("-->") }
        let ends = lines.indices.filter { lines[$0] == "<!-- \(name):end -->" }
        guard begins.count == 1, ends.count == 1, begins[0] < ends[0] else {
            throw MissingMarkers(
                description: "The document needs the lines <!-- \(name):begin --> and <!-- \(name):end -->, once each "
                    + "and in this order, around what is generated.")
        }
        let body = content.split(separator: "\n", omittingEmptySubsequences: false)
        let trimmed = body.last == "" ? body.dropLast() : body[...]
        return (lines[...begins[0]] + trimmed + lines[ends[0]...]).joined(separator: "\n")
    }
}
