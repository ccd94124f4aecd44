import OsloConfiguration
import SwitchboardCore

/// Where a password comes from that isn't in a URL.
enum PasswordSource: Hashable, Sendable {
    /// The first line of a file.
    case file(String, OsloOrigin)
    /// The first line that a program prints, which is started without a shell.
    case command([String], OsloOrigin)

    /// For lists: `password_file` and the like are said, and nothing of what is in them.
    var kind: String {
        switch self {
        case .file(let path, _): "file \(path)"
        case .command(let words, _): "command \(words.first ?? "")"
        }
    }
}

/// Passwords put into URLs that have none.
enum URLPassword {
    /// Whether a URL has a user name without a password.
    static func isMissing(in url: String) -> Bool { inserting(Secret("x"), into: url) != url }

    /// The URL with the password behind every user name that has none.
    static func inserting(_ password: Secret, into url: String) -> String {
        guard let start = url.firstRange(of: "://")?.upperBound else { return url }
        let end = url[start...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? url.endIndex
        let hosts = url[start..<end].split(separator: ",", omittingEmptySubsequences: false).map { host in
            guard let at = host.lastIndex(of: "@"), at > host.startIndex, !host[..<at].contains(":") else {
                return String(host)
            }
            return host[..<at] + ":" + encoded(password.reveal()) + host[at...]
        }
        return url[..<start] + hosts.joined(separator: ",") + url[end...]
    }

    /// A user or a password as it stands in a URL.
    static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || "-._~".utf8.contains(byte)
            result += isPlain ? String(Unicode.Scalar(byte)) : "%" + byte.hexadecimal(width: 2, uppercase: true)
        }
    }
}

/// Words of a command, with a shell's quotes and nothing else of a shell.
enum ShellWords {
    /// `nil` where a quote isn't closed.
    static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character.isWhitespace {
                if let finished = word { words.append(finished) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil, !isEscaped else { return nil }
        return words + (word.map { [$0] } ?? [])
    }
}
