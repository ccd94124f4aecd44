/// Where configuration files are, as `--config-file` and `--config-dir` name them.
public enum OsloConfigurationSource: Hashable, Sendable {
    /// One file.
    case file(String)
    /// The files `*.conf` of a directory, in the order of their names; hidden ones are left out.
    case directory(String)

    /// Reads the files, in order. `~` at the beginning of a path is `home`.
    ///
    /// - Parameter home: the home directory.
    /// - Throws: an ``OsloConfigurationError`` for the first one that can't be read.
    public func read(home: String?) throws(OsloConfigurationError) -> [OsloConfigurationFile] {
        switch self {
        case .file(let path):
            let path = Self.expanded(path, home)
            return [try OsloConfigurationFile(parsing: FileReading.bytes(path), path: path)]
        case .directory(let path):
            let path = Self.expanded(path, home)
            var names = try FileReading.names(in: path).filter { $0.hasSuffix(".conf") }
            // By code points, as Python sorts.
            names.sort { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
            var files: [OsloConfigurationFile] = []
            for name in names {
                let file = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
                files.append(try OsloConfigurationFile(parsing: FileReading.bytes(file), path: file))
            }
            return files
        }
    }

    /// Where a service's own programs look when no file is named to them: the distribution's file, the service's, the
    /// program's, and their directories. Only those that are there.
    ///
    /// - Parameters:
    ///   - project: the service, for example `nova`.
    ///   - program: the program, for example `nova-compute`; its file wins.
    ///   - home: the home directory.
    ///   - root: a directory that stands for `/`.
    /// - Returns: the sources in the order in which they are read.
    public static func standard(
        project: String, program: String? = nil, home: String?, root: String = ""
    ) -> [OsloConfigurationSource] {
        var folders = ["\(root)/etc/\(project)", "\(root)/etc"]
        if let home { folders = ["\(home)/.\(project)", home] + folders }
        let names = [project] + (program.map { [$0] } ?? [])
        func first(_ suffix: String, of name: String) -> String? {
            folders.map { "\($0)/\(name)\(suffix)" }.first { FileReading.exists($0) }
        }
        let distribution = "\(root)/usr/share/\(project)/\(project)-dist.conf"
        return (FileReading.exists(distribution) ? [.file(distribution)] : [])
            + names.compactMap { first(".conf", of: $0) }.map { .file($0) }
            + names.compactMap { first(".conf.d", of: $0) }.map { .directory($0) }
    }

    private static func expanded(_ path: String, _ home: String?) -> String {
        guard let home, path == "~" || path.hasPrefix("~/") else { return path }
        return home + path.dropFirst()
    }
}
