/// What is read from standard input where an option is `-`.
enum StandardInput {
    /// The first line, which is a URL.
    static func url() throws -> String {
        guard let line = try LineReader.standardInput.next(1).first, !line.text.isEmpty else {
            throw Failure("There is no URL on standard input.", exit: 1)
        }
        return line.text
    }

    /// All of it, which is JSON: its own parser says what is wrong with it.
    static func json() throws -> [UInt8] {
        try LineReader.standardInput.rest()
    }
}
