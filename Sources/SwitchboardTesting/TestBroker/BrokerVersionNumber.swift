extension TestBroker {
    /// The version of a server: `4.3.6`.
    public struct Version: Sendable, Hashable, Comparable, ExpressibleByArrayLiteral, CustomStringConvertible {
        private let numbers: [Int]

        /// Reads the numbers at the beginning of the text.
        init(_ text: String) {
            numbers = text.split(separator: ".").prefix(3).map { Int($0.prefix { $0.isNumber }) ?? 0 }
        }

        public init(arrayLiteral numbers: Int...) {
            self.numbers = numbers
        }

        public static func < (one: Version, other: Version) -> Bool {
            one.numbers.lexicographicallyPrecedes(other.numbers)
        }

        public var description: String { numbers.map(String.init).joined(separator: ".") }
    }
}
