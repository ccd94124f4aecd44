internal import Glibc
internal import SwitchboardCore

extension SpoolStore {
    static func openRoot(
        _ configuration: SpoolConfiguration, _ purpose: Purpose, _ operations: any FileOperations
    ) throws(FileError) -> Directory {
        let path = configuration.directory
        guard purpose.isUse else { return try Directory.open(path, operations: operations) }
        let made = operations.makeDirectory(AT_FDCWD, path, mode: 0o700)
        if made == -EEXIST { return try Directory.open(path, operations: operations) }
        try made.checked("mkdir \(path)")
        if configuration.durability == .full {
            let parts = path.split(separator: "/")
            let parent = "/" + parts.dropLast().joined(separator: "/")
            let directory = operations.open(AT_FDCWD, parent, flags: O_RDONLY | O_DIRECTORY, mode: 0)
            // One may be allowed to make directories in a directory that one may not read, and so not sync.
            if directory >= 0 {
                defer { _ = operations.close(directory) }
                try operations.synchronize(directory, dataOnly: false).checked("fsync \(parent)")
            }
        }
        return try Directory.open(path, operations: operations)
    }

    static func checkSafety(of status: stat, _ directory: String) throws(FileError) {
        guard status.st_uid == geteuid() || geteuid() == 0 else {
            throw FileError("trust \(directory), which belongs to user \(status.st_uid) and not to us", EPERM)
        }
        guard status.st_mode & 0o022 == 0 else {
            throw FileError("trust \(directory), to which others may write (chmod 0700 it)", EPERM)
        }
    }

    static func openingFailed(_ directory: String, _ error: FileError) -> TransportError {
        var failure = error.transportError("The spool \(directory) cannot be opened", at: directory)
        if error.isNotFound {
            failure.code = .refused
            if error.operation == "mkdir \(directory)" { failure.message += " Make its parent directory first." }
        } else if error.number == EPROTO {
            failure.code = .conflict
        }
        return failure
    }
}

extension SpoolStore.Purpose {
    var isUse: Bool {
        if case .use = self { true } else { false }
    }

    /// The layout of a spool that is made although the configuration names none.
    var preferredLayout: SpoolConfiguration.Layout? {
        if case .use(let layout) = self { layout } else { nil }
    }
}
