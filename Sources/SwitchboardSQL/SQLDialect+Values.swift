import SwitchboardCells

extension SQLDialect {
    /// The time as a column stores it. A fraction that a column doesn't keep is cut off: MariaDB would round it up.
    func now() -> SQLValue {
        let text = MappingTimestamp.now().description
        return .text(fractionDigits == 0 ? String(text.prefix(19)) : text)
    }
}

extension Array {
    func chunked(into size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
