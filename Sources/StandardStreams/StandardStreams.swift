#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Standard input, output and error of a program, as a tool of the system has them.
package enum StandardStreams {
    /// What every program does before anything else: a reader that has gone is an error of writing and no signal, and what
    /// was closed when the program started is never taken by a socket or a database, which would get our output.
    package static func prepare() {
        signal(SIGPIPE, SIG_IGN)
        // Opened the wrong way round, so that reading and writing go on to fail.
        for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
        where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // The lowest one that is free, and that is this one.
            _ = open("/dev/null", mode)
        }
    }
}
