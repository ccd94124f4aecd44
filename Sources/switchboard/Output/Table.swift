/// A plain table: aligned columns, two spaces between them, a heading in capitals.
struct Table {
    private var rows: [[String]]

    init(_ headings: String...) {
        rows = [headings]
    }

    mutating func add(_ cells: String?...) {
        rows.append(cells.map { printable($0 ?? "-") })
    }

    /// A table without rows prints nothing.
    func print() {
        guard rows.count > 1 else { return }
        var widths = rows[0].map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        for row in rows {
            let line = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            Swift.print(line.joined(separator: "  ").trimmingTrailingSpaces)
        }
    }
}

/// What comes from a directory, without control characters, which could play with a terminal.
func printable(_ text: String) -> String {
    let isClean = !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    if isClean { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        if scalar.properties.generalCategory == .control {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Names and values, one a line.
func printFields(_ fields: [(name: String, value: String?)]) {
    let width = fields.map(\.name.count).max() ?? 0
    for field in fields {
        let padding = String(repeating: " ", count: width - field.name.count)
        print("\(field.name):\(padding) \(printable(field.value ?? "-"))")
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
