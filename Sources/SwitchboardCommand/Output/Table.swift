import StandardStreams

/// A plain table: aligned columns, two spaces between them, a heading in capitals.
struct Table {
    private var rows: [[String]]

    init(_ headings: String...) {
        rows = [headings]
    }

    init(headings: [String]) {
        rows = [headings]
    }

    mutating func add(_ cells: String?...) {
        add(cells)
    }

    mutating func add(_ cells: [String?]) {
        rows.append(cells.map { ($0 ?? "-").printable })
    }

    /// A table without rows prints nothing.
    func print() throws(OutputFailure) {
        guard rows.count > 1 else { return }
        for line in lines { try StandardOutput.line(line) }
    }

    /// The headings and the rows.
    var lines: [String] {
        var widths = rows[0].map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        return rows.map { row in
            let line = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            return line.joined(separator: "  ").trimmingTrailingSpaces
        }
    }
}

/// Names and values, one a line.
func printFields(_ fields: [(name: String, value: String?)]) throws(OutputFailure) {
    let names = fields.map(\.name.printable)
    let width = names.map(\.count).max() ?? 0
    for (name, field) in zip(names, fields) {
        let padding = String(repeating: " ", count: width - name.count)
        try StandardOutput.line("\(name):\(padding) \(field.value ?? "-")")
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
