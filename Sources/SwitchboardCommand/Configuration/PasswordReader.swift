import Foundation
import OsloConfiguration
import SwitchboardCore

/// Fetches passwords from files and programs, when they are needed.
struct PasswordReader {
    let home: String?
    /// How long a program may take.
    var limit: Duration = .seconds(30)

    func password(from source: PasswordSource) throws -> Secret {
        switch source {
        case .file(let path, let origin): try read(expanded(path), origin)
        case .command(let words, let origin): try run(words, origin)
        }
    }

    private func read(_ path: String, _ origin: OsloOrigin) throws -> Secret {
        guard let handle = FileHandle(forReadingAtPath: path),
            let data = try? handle.read(upToCount: Self.maximumLength + 1)
        else {
            throw Failure.configuration(
                "\(origin): The password file \(path) can't be read. Check its path and permissions.")
        }
        warnIfOthersCanRead(path, "holds a password")
        return try Self.firstLine(of: data, "The password file \(path)", origin)
    }

    private func run(_ words: [String], _ origin: OsloOrigin) throws -> Secret {
        let name = words[0]
        let program = HelperProgram.run(words, limit: limit, maximumOutput: Self.maximumLength)
        let line = program.output.prefix { $0 != 0x0A && $0 != 0x0D }
        let secret = String(decoding: line, as: UTF8.self)
        // What it says may repeat the password.
        let complaints = String(decoding: program.errors, as: UTF8.self).split(separator: "\n").prefix(20)
        for complaint in complaints {
            complain(
                "\(name): \(secret.isEmpty ? String(complaint) : String(complaint).replacing(secret, with: Secret.mask))"
            )
        }
        let sentence = "\(origin): The password command \(name)"
        switch program.end {
        case .tookTooLong:
            throw Failure.configuration("\(sentence) took longer than \(limit.components.seconds) s, and was ended.")
        case .notStarted(let reason): throw Failure.configuration("\(sentence) can't be started: \(reason).")
        case .status(let status) where status != 0:
            throw Failure.configuration("\(sentence) ended with status \(status).")
        case .status: return try Self.firstLine(of: program.output, "The output of \(name)", origin)
        }
    }

    /// A password is a line of at most so many bytes.
    private static let maximumLength = 4096

    private static func firstLine(
        of bytes: some Collection<UInt8>, _ what: String, _ origin: OsloOrigin
    ) throws -> Secret {
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        guard line.count <= maximumLength, let text = String(validating: line, as: UTF8.self), !text.isEmpty else {
            throw Failure.configuration("\(origin): \(what) doesn't begin with a line that is a password.")
        }
        return Secret(text)
    }

    private func expanded(_ path: String) -> String {
        guard let home, path.hasPrefix("~/") else { return path }
        return home + path.dropFirst()
    }
}

/// Warns of a file with a secret that others can read.
func warnIfOthersCanRead(_ path: String, _ what: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o044 != 0 else { return }
    complain("warning: \(path) \(what), and others can read it. 'chmod 600 \(path)' ends that.")
}
