package import Glibc

/// Which file or directory it is, whatever it is called.
package struct FileIdentity: Hashable, Sendable {
    private let device: dev_t
    private let number: ino_t

    package init(_ status: stat) {
        device = status.st_dev
        number = status.st_ino
    }
}

/// Where something that is held open should be. Descriptors outlive their paths: what is removed, renamed or replaced can
/// be read, written and synced as before, and nobody else sees it.
package struct HeldPath: Sendable {
    /// Absolute, so that a look at it goes all the way that others go.
    package let path: String
    private let identity: FileIdentity
    private let operations: any FileOperations

    package init(_ path: String, _ identity: FileIdentity, operations: any FileOperations) {
        self.path = path
        self.identity = identity
        self.operations = operations
    }

    /// ESTALE when something else is there or nothing, and what the system says when it does not tell.
    package func check() throws(FileError) {
        var status = stat()
        let result = operations.status(AT_FDCWD, path, &status)
        if result == -ENOENT || result == -ENOTDIR {
            throw FileError("\(path) was removed or renamed while it was in use", ESTALE)
        }
        try result.checked("look for \(path)")
        guard FileIdentity(status) == identity else {
            throw FileError("\(path) was replaced while it was in use", ESTALE)
        }
    }

    /// Whether it has that name in a directory that is held: quicker than a look all the way.
    package func isNamed(_ name: String, in directory: Directory) -> Bool {
        guard let there = try? directory.status(name) else { return false }
        return FileIdentity(there) == identity
    }

    /// Whether it is certainly there.
    package var isHere: Bool {
        do throws(FileError) {
            try check()
            return true
        } catch {
            return false
        }
    }

    /// What has become of it; `nil` when it is there, or when the system does not tell.
    package var defect: FileError? {
        do throws(FileError) {
            try check()
            return nil
        } catch {
            return error.isOutOfPlace || error.isRefusal ? error : nil
        }
    }
}
