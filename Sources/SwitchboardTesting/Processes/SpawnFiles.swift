#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#endif

/// The files of a process that is about to be spawned.
///
/// Every descriptor is close-on-exec from its first moment, so that no other process that starts meanwhile inherits
/// it, and numbered 64 or higher, so that placing one at its number never overwrites another.
package struct SpawnFiles: ~Copyable {
    private var theirs: [(descriptor: Int32, places: [Int32])] = []

    /// `POSIX_SPAWN_SETSID` of glibc and musl, which show it to GNU sources alone.
    private let newSession: Int32 = 0x80

    package init() {}

    /// A pair of connected sockets, one of which the process finds at descriptor `place`; returns ours. A pair of
    /// sockets and not a pipe: it is close-on-exec atomically, and writing to a dead peer raises no signal.
    package mutating func connection(at place: Int32) throws(TestBrokerError) -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, streamSocket | closeOnExec, 0, &ends) == 0 else { throw .system("socketpair") }
        try keep(ends[1], at: [place])
        return ends[0]
    }

    /// A file that the process finds at each of `places`.
    package mutating func file(_ path: String, _ flags: Int32, at places: [Int32]) throws(TestBrokerError) {
        let descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("open \(path)") }
        try keep(descriptor, at: places)
    }

    private mutating func keep(_ descriptor: Int32, at places: [Int32]) throws(TestBrokerError) {
        let high = fcntl(descriptor, F_DUPFD_CLOEXEC, 64)
        close(descriptor)
        guard high >= 0 else { throw .system("fcntl") }
        theirs.append((high, places))
    }

    /// Closes the ends that were the process's.
    package mutating func closeTheirs() {
        for file in theirs {
            close(file.descriptor)
        }
        theirs = []
    }

    /// Starts `command` as the leader of a session of its own and with no other descriptors than these.
    package func spawn(_ command: [String], environment: [String: String]) throws(TestBrokerError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for file in theirs {
            for place in file.places {
                posix_spawn_file_actions_adddup2(&actions, file.descriptor, place)
            }
        }
        // Others may have made descriptors that are not close-on-exec (Foundation's pipes are not, for a moment). A
        // process that lives long must not hold them open: their readers would wait for its end.
        for descriptor in 6..<min(256 + Self.highestDescriptor(), Int32(sysconf(Int32(_SC_OPEN_MAX)))) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that this process ignores or blocks are its own affair.
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        sigdelset(&all, SIGKILL)
        sigdelset(&all, SIGSTOP)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes, Int16(newSession | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = command.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in arguments { free(pointer) }
            for pointer in variables { free(pointer) }
        }
        var process: pid_t = 0
        let result = posix_spawn(&process, command[0], &actions, &attributes, &arguments, &variables)
        guard result == 0 else { throw TestBrokerError("\(command[0]) cannot be started: \(errorText(result)).") }
        return process
    }

    private static func highestDescriptor() -> Int32 {
        guard let directory = opendir("/proc/self/fd") else { return 1024 }
        defer { closedir(directory) }
        var highest: Int32 = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            highest = max(highest, Int32(name) ?? 0)
        }
        return highest
    }
}

/// The system's text for an error number.
package func errorText(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

extension TestBrokerError {
    /// The failure of a system call, from `errno`.
    static func system(_ call: String) -> TestBrokerError {
        TestBrokerError("\(call) failed: \(errorText(errno)).")
    }
}
