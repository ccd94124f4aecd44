internal import SwitchboardCells

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The file that a path or a `sqlite:///…` URL (as in Nova's `[api_database] connection`) names.
enum SQLitePath {
    /// The path from the root, so that a program may change its working directory.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }

    static func parse(_ location: String) throws(CellError) -> String {
        guard !location.isEmpty else {
            throw CellError(.directoryUnavailable, "The directory's path is empty.")
        }
        guard !location.utf8.contains(0) else {
            throw CellError(.directoryUnavailable, "The directory's path contains a NUL byte.")
        }
        guard let colon = location.firstIndex(of: ":"), location[colon...].hasPrefix("://") else { return location }
        let scheme = location[..<colon].lowercased()
        guard scheme == "sqlite" || scheme.hasPrefix("sqlite+") else {
            let looksLikeScheme = scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
            if !looksLikeScheme { return location }
            throw CellError(
                .directoryUnavailable,
                "The directory is a SQLite file: give its path or sqlite:///path. \(scheme):// is not supported.")
        }
        let rest = location[location.index(colon, offsetBy: 3)...]
        guard rest.hasPrefix("/") else {
            throw CellError(
                .directoryUnavailable,
                "A SQLite URL has three slashes before a relative path and four before an absolute one: "
                    + "sqlite:///directory.sqlite, sqlite:////var/lib/directory.sqlite.")
        }
        let path = rest.dropFirst()
        if path.contains("?") {
            throw CellError(
                .directoryUnavailable, "A SQLite URL's options (from the '?' on) are not supported: leave them out.")
        }
        guard !path.isEmpty, path != ":memory:" else {
            throw CellError(
                .directoryUnavailable, "The SQLite URL names no file. A directory in memory is InMemoryCellDirectory.")
        }
        return String(path)
    }
}
