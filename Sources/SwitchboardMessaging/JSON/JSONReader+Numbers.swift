extension JSONReader {
    mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        let isNegative = next(is: "-")
        if isNegative {
            position += 1
            if next(is: "I") { return try literal("Infinity", .double(-.infinity)) }
        }
        guard let first = peek(), isDigit(first) else { throw error("a digit is expected") }
        let digitsStart = position
        var digits = Digits()
        skipDigits(&digits)
        if first == 0x30, position - digitsStart > 1 {
            position = digitsStart + 1
            throw error("a number has a leading zero")
        }
        var isInteger = true
        if next(is: "."), let next = peek(1), isDigit(next) {
            isInteger = false
            position += 1
            let fractionStart = position
            skipDigits(&digits)
            digits.fraction = position - fractionStart
        }
        if next(is: "e") || next(is: "E") {
            let isSigned = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
            if let next = peek(isSigned ? 2 : 1), isDigit(next) {
                isInteger = false
                digits.overflow = true
                position += isSigned ? 2 : 1
                skipDigits(&digits)
            }
        }
        if isInteger {
            if let integer = digits.integer(isNegative: isNegative) { return .integer(integer) }
            return .number(JSONNumber(unchecked: text(from: start)))
        }
        if let value = digits.exactQuotient { return .double(isNegative ? -value : value) }
        guard let value = Double(text(from: start)) else { throw error("a number cannot be read") }
        return .double(value)
    }

    private func text(from start: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: input + start, count: position - start), as: UTF8.self)
    }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10
    }

    @inline(__always)
    private mutating func skipDigits(_ digits: inout Digits) {
        while position < count, isDigit(input[position]) {
            digits.append(input[position] &- 0x30)
            position += 1
        }
    }

    /// The digits of a number, without its sign.
    private struct Digits {
        var value: UInt64 = 0
        /// Whether `value` is not what they say: there are too many, or there is an exponent.
        var overflow = false
        /// How many of them come after the point.
        var fraction = 0

        @inline(__always)
        mutating func append(_ digit: UInt8) {
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isStillTooLarge) = product.addingReportingOverflow(UInt64(digit))
            overflow = overflow || isTooLarge || isStillTooLarge
            value = sum
        }

        func integer(isNegative: Bool) -> Int64? {
            guard !overflow else { return nil }
            guard isNegative else { return Int64(exactly: value) }
            return value <= UInt64(Int64.max) + 1 ? Int64(truncatingIfNeeded: 0 &- value) : nil
        }

        /// The number, where both the digits and the power of ten that divides them are exact as doubles: then so is the
        /// rounding of their quotient.
        var exactQuotient: Double? {
            guard !overflow, value <= 1 << 53, fraction <= 22 else { return nil }
            var power = 1.0
            for _ in 0..<fraction { power *= 10 }
            return Double(value) / power
        }
    }
}
