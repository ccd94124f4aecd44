import Foundation

/// Writes a file so that readers see the old content or the new, and never a part of it.
enum AtomicFile {
    struct WritingError: Error, CustomStringConvertible {
        var description: String
    }

    /// The new file is made in the same folder, with the mode 0644, and takes the old one's place when it is on the disk.
    static func write(_ text: String, to path: String) throws(WritingError) {
        var template = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw failure(path) }
        let temporary = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        do throws(WritingError) {
            defer { close(descriptor) }
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure(path) }
                rest = rest.dropFirst(count)
            }
            guard fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0 else { throw failure(path) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure(path)
            unlink(temporary)
            throw error
        }
    }

    private static func failure(_ path: String) -> WritingError {
        WritingError(description: "\(path) cannot be written: \(String(cString: strerror(errno))).")
    }
}
