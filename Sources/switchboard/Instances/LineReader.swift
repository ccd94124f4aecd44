import Foundation

/// The lines of a file or of standard input, read in blocks: memory for a block, however long the file.
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
                lines.append(line(buffer[..<newline]))
                buffer.removeSubrange(...newline)
            } else if isAtEnd {
                if !buffer.isEmpty { lines.append(line(buffer[...])) }
                buffer = []
                return lines
            } else if buffer.count > Self.maximumLineLength {
                throw Failure("Line \(number + 1) of \(name) is longer than 64 KiB.", exit: 1)
            } else {
                let block = try handle.read(upToCount: 8192) ?? Data()
                bytesRead += block.count
                isAtEnd = block.isEmpty
                buffer += block
            }
        }
        return lines
    }

    private func line(_ bytes: ArraySlice<UInt8>) -> Line {
        number += 1
        let text = String(decoding: bytes, as: UTF8.self)
        return Line(number: number, text: text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
