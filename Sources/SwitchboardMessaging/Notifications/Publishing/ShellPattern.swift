/// A pattern as a shell has for file names, and Python's `fnmatch`: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`; it must match
/// the whole text. Takes time in proportion to the product of both lengths, whatever the pattern.
struct ShellPattern {
    private enum Element {
        case any
        case one
        case scalar(Unicode.Scalar)
        case set([ClosedRange<UInt32>], isNegated: Bool)

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .any, .one: true
            case .scalar(let own): own == scalar
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar.value) } != isNegated
            }
        }
    }

    private var elements: [Element] = []

    init(_ text: String) {
        let scalars = Array(text.unicodeScalars)
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            switch scalar {
            case "*": elements.append(.any)
            case "?": elements.append(.one)
            case "[":
                if let end = Self.endOfSet(scalars, from: index) {
                    elements.append(Self.set(scalars[index..<end]))
                    index = end + 1
                } else {
                    elements.append(.scalar(scalar))
                }
            default: elements.append(.scalar(scalar))
            }
        }
    }

    func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var position = 0
        var index = 0
        // The last `*`, and what it has swallowed so far: going back to it alone is enough.
        var star: (index: Int, position: Int)?
        while position < scalars.count {
            if index < elements.count, case .any = elements[index] {
                star = (index, position)
                index += 1
            } else if index < elements.count, elements[index].matches(scalars[position]) {
                index += 1
                position += 1
            } else if let last = star {
                star = (last.index, last.position + 1)
                index = last.index + 1
                position = last.position + 1
            } else {
                return false
            }
        }
        while index < elements.count, case .any = elements[index] { index += 1 }
        return index == elements.count
    }

    /// The place of the `]` of a set; one that comes first belongs to the set.
    private static func endOfSet(_ scalars: [Unicode.Scalar], from start: Int) -> Int? {
        var index = start
        if index < scalars.count, scalars[index] == "!" { index += 1 }
        if index < scalars.count, scalars[index] == "]" { index += 1 }
        return scalars[min(index, scalars.count)...].firstIndex(of: "]")
    }

    private static func set(_ scalars: ArraySlice<Unicode.Scalar>) -> Element {
        var rest = scalars
        let isNegated = rest.first == "!"
        if isNegated { rest = rest.dropFirst() }
        var ranges: [ClosedRange<UInt32>] = []
        while let first = rest.popFirst() {
            if rest.count >= 2, rest.first == "-" {
                rest = rest.dropFirst()
                let last = rest.removeFirst()
                if first.value <= last.value { ranges.append(first.value...last.value) }
            } else {
                ranges.append(first.value...first.value)
            }
        }
        return .set(ranges, isNegated: isNegated)
    }
}
