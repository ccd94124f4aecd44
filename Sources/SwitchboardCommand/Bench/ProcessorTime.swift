import Foundation

/// What this process has used of the processors.
enum ProcessorTime {
    /// User and system time together, which POSIX counts in microseconds.
    static var used: Duration { .microseconds(Int64(clock())) }
}
