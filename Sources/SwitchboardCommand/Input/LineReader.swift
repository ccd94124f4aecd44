import Foundation
import StandardStreams
import SwitchboardCore

/// The lines of a file or of standard input, read in blocks: memory for a block, however long the file.
///
/// A byte order mark, blanks at the ends of lines and Windows' line ends are taken away. What nobody means to be in a name,
/// and cannot see, is an error with the line's number.
final class LineReader {
    struct Line {
        var number: Int
        var text: String
    }

    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var isAtEnd = false
    private var number = 0

    /// How many bytes were read so far.
    private(set) var bytesRead = 0
    /// How many there are, where that is known.
    let totalBytes: Int?
    /// What the lines come from, in sentences.
    let name: String

    /// A line longer than this is no line of ours.
    private static let maximumLineLength = 65_536

    init(path: String) throws {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw Failure("The file \(path) cannot be read. Check the path and its permissions.", exit: 1)
        }
        self.handle = handle
        name = path
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        totalBytes = attributes?[.size] as? Int
    }

    private init(standardInput: FileHandle) {
        handle = standardInput
        name = "standard input"
        totalBytes = nil
    }

    static var standardInput: LineReader {
        LineReader(standardInput: .standardInput)
    }

    /// The next lines, at most `count`, without blanks at their ends; none at the end.
    func next(_ count: Int) throws -> [Line] {
        var lines: [Line] = []
        while lines.count < count {
            if let newline = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                lines.append(try line(buffer[..<newline]))
                buffer.removeSubrange(...newline)
            } else if isAtEnd {
                if !buffer.isEmpty { lines.append(try line(buffer[...])) }
                buffer = []
                return lines
            } else if buffer.count > Self.maximumLineLength {
                throw Failure("Line \(number + 1) of \(name) is longer than 64 KiB.", exit: 1)
            } else {
                try readBlock()
            }
        }
        return lines
    }

    /// All that is left, as bytes.
    func rest() throws -> [UInt8] {
        while !isAtEnd { try readBlock() }
        defer { buffer = [] }
        return buffer
    }

    private func readBlock() throws {
        let block: Data
        do {
            block = try handle.read(upToCount: 8192) ?? Data()
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
            let reason = cause.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(cause.code))) : "\(cause)"
            throw Failure("\(capitalizedName) cannot be read: \(reason).", exit: 1)
        }
        let isFirst = bytesRead == 0
        bytesRead += block.count
        isAtEnd = block.isEmpty
        buffer += block
        guard isFirst else { return }
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { buffer.removeFirst(3) }
        if buffer.starts(with: [0xFF, 0xFE]) || buffer.starts(with: [0xFE, 0xFF]) {
            throw Failure("\(capitalizedName) is UTF-16 text. Save it as UTF-8.", exit: 1)
        }
    }

    private var capitalizedName: String {
        totalBytes == nil ? "Standard input" : "The file \(name)"
    }

    private func line(_ bytes: ArraySlice<UInt8>) throws -> Line {
        number += 1
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure("Line \(number) of \(name) is not UTF-8 text.", exit: 1)
        }
        let line = Line(number: number, text: text.trimmingCharacters(in: CharacterSet(charactersIn: " \t\r")))
        if let odd = line.text.firstOddScalar {
            throw Failure("Line \(number) of \(name) contains \(odd). Take it out.", exit: 1)
        }
        return line
    }
}

extension String {
    /// What the text contains that nobody means to be in a name: a control or format character, or a blank that looks like
    /// a space and is none.
    var firstOddScalar: String? {
        let odd = unicodeScalars.first { scalar in
            if scalar == " " || scalar == "\t" { return false }
            return !scalar.isPrintable || scalar.properties.generalCategory == .spaceSeparator
        }
        guard let odd else { return nil }
        let isBlank = odd.properties.generalCategory == .spaceSeparator
        let kind = isBlank ? "blank that isn't a space" : "character that can't be seen"
        return "a \(kind) (U+\(odd.value.hexadecimal(width: 4, uppercase: true)))"
    }
}

/// Throws for a host's name that has something in it that no host's name has; most likely more than the name was given.
///
/// - Parameter place: what the name comes from, for its beginning of the sentence: `Line 3 of hosts.txt: `.
func checkHostName(_ name: String, at place: String = "") throws {
    func refuse(_ reason: String) -> Failure {
        Failure("\(place)\(place.isEmpty ? "The" : "the") host name \"\(name)\" \(reason).", exit: 1)
    }
    if name.hasPrefix("|") || name.hasPrefix("+-") {
        throw refuse("looks like a line of a table; give the names alone, one a line")
    }
    if let odd = name.firstOddScalar { throw refuse("contains \(odd)") }
    if name.contains(where: \.isWhitespace) { throw refuse("contains a blank; give one name a line") }
    if name.contains(where: { $0 == "\"" || $0 == "|" || $0 == "," || $0 == "@" || $0 == "/" || $0 == "=" || $0 == "%" }
    ) {
        throw refuse("contains a character that no host's name has; give the names alone, one a line")
    }
}
