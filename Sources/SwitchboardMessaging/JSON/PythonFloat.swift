/// Floats as Python's `repr` writes them.
enum PythonFloat {
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        // Here Swift writes no exponent, as Python does not.
        if (1e-3..<1e15).contains(value.magnitude) { return value.description }
        // Swift's description has the same, shortest digits; only the notation differs.
        var digits: [UInt8] = []
        var exponent = 0
        var point: Int?
        let description = value.magnitude.description.utf8
        var rest = description.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "."): point = digits.count
            case UInt8(ascii: "e"):
                var text = ""
                while let next = rest.next() { text.unicodeScalars.append(Unicode.Scalar(next)) }
                exponent = Int(text) ?? 0
            default: digits.append(byte)
            }
        }
        var position = (point ?? digits.count) + exponent
        let leading = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(leading)
        position -= leading
        while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        return sign + notation(String(decoding: digits, as: UTF8.self), position: position)
    }

    /// `digits` with the decimal point after the first `position` of them.
    private static func notation(_ digits: String, position: Int) -> String {
        if position > 16 || position < -3 {
            let exponent = position - 1
            let magnitude = String(abs(exponent))
            let tail = digits.count > 1 ? "." + digits.dropFirst() : ""
            return digits.prefix(1) + tail + "e" + (exponent < 0 ? "-" : "+") + (magnitude.count < 2 ? "0" : "")
                + magnitude
        }
        if position <= 0 { return "0." + String(repeating: "0", count: -position) + digits }
        if position >= digits.count { return digits + String(repeating: "0", count: position - digits.count) + ".0" }
        return digits.prefix(position) + "." + digits.dropFirst(position)
    }
}
