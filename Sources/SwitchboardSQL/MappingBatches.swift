/// Cuts what is to be written into batches for which there are few statements, so that they stay prepared.
package enum MappingBatches {
    /// How many keys a batch has at most.
    static let most = 64
    private static let sizes = [64, 8, 1]

    /// Batches of elements whose keys differ, in order. An element without a key that is told from all others by us, as
    /// the database does, is a batch by itself.
    static func batches<Element>(_ elements: [Element], key: (Element) -> String?) -> [[Element]] {
        var batches: [[Element]] = []
        var batch: [Element] = []
        var keys: Set<String> = []
        for element in elements {
            let key = key(element)
            if batch.count == most || (key == nil && !batch.isEmpty) || key.map(keys.contains) == true {
                batches.append(batch)
                batch = []
                keys = []
            }
            batch.append(element)
            if let key {
                keys.insert(key)
            } else {
                batches.append(batch)
                batch = []
            }
        }
        if !batch.isEmpty { batches.append(batch) }
        return batches
    }

    /// The keys of a batch, the last one again and again until there is a statement for so many.
    static func padded(_ keys: [SQLValue]) -> [SQLValue] {
        guard let last = keys.last else { return keys }
        let size = sizes.last { $0 >= keys.count } ?? keys.count
        return keys + repeatElement(last, count: size - keys.count)
    }

    /// The rows in parts for which there is a statement.
    static func parts<Row>(_ rows: [Row]) -> [ArraySlice<Row>] {
        var parts: [ArraySlice<Row>] = []
        var rest = rows[...]
        while let size = sizes.first(where: { $0 <= rest.count }) {
            parts.append(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        return parts
    }

    /// A host's name in lower case, as far as every database compares it as we do: letters of ASCII, and no trailing blank.
    static func plainName(_ host: String) -> String? {
        guard host.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else { return nil }
        return host.lowercased()
    }
}
