/// An address of this machine alone that metrics are served on: `127.0.0.1:9199`, `[::1]:9199`, `localhost:9199`.
struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    let host: String
    /// 0: a free one.
    let port: Int

    /// `nil` for what isn't a loopback address with a port.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        let host = String(text[..<colon])
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        if parts.count == 4, parts.allSatisfy({ $0 != nil }), parts[0] == 127 {
            self.host = host
        } else if host == "[::1]" {
            self.host = "::1"
        } else if host == "localhost" {
            self.host = "127.0.0.1"
        } else {
            return nil
        }
        self.port = port
    }

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
