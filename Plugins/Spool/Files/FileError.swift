internal import Glibc
package import SwitchboardCore

/// A system call on a file that failed.
package struct FileError: Error, CustomStringConvertible {
    /// What was tried, with the path inside the spool.
    package var operation: String
    /// The system's error number.
    package var number: CInt

    package init(_ operation: String, _ number: CInt) {
        self.operation = operation
        self.number = number
    }

    package var description: String {
        "\(operation): \(String(cString: strerror(number))) (error \(number))"
    }

    package var isNotFound: Bool { number == ENOENT }
    package var exists: Bool { number == EEXIST || number == ENOTEMPTY }
    package var isDiskFull: Bool { number == ENOSPC || number == EDQUOT }
    package var isDeviceError: Bool { number == EIO }
    package var isHeldElsewhere: Bool { number == EWOULDBLOCK || number == EACCES }

    /// The error for callers; `what` says what could not be done.
    package func transportError(_ what: String) -> TransportError {
        let code: TransportError.Code
        var advice = ""
        switch number {
        case ENOSPC, EDQUOT:
            code = .exhausted
            advice = " The disk of the spool is full: make room, or drain the spool."
        case EACCES, EPERM, EROFS, ELOOP, ENOTDIR:
            code = .refused
        default:
            code = .unavailable
        }
        return TransportError(code, "\(what).\(advice)", cause: self)
    }
}
