#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Standard output could not be written. It ends the program: what it would say next would be lost as well.
package struct OutputFailure: Error, Equatable, CustomStringConvertible {
    private let number: Int32

    /// - Parameter number: the `errno` of the call that failed.
    init(_ number: Int32) {
        self.number = number
    }

    /// Nobody reads any more, as behind `| head`: that is no failure to tell anybody of.
    package var isClosedPipe: Bool { number == EPIPE }

    /// The exit code: 141 for a reader that has gone, as the shell has it for the signal `SIGPIPE`; else 74, `EX_IOERR`.
    package var exitCode: Int32 { isClosedPipe ? 141 : 74 }

    package var description: String {
        let reason = number == ETIMEDOUT ? "nobody reads it" : String(cString: strerror(number))
        return "Standard output cannot be written: \(reason)."
    }
}
