extension FixedWidthInteger where Self: UnsignedInteger {
    /// All hexadecimal digits of the type's width, in lower case.
    package var hexadecimal: String { hexadecimal(width: Self.bitWidth / 4) }

    /// At least `width` hexadecimal digits, with zeros in front.
    package func hexadecimal(width: Int, uppercase: Bool = false) -> String {
        let digits = String(self, radix: 16, uppercase: uppercase)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}
