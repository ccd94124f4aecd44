#if RabbitMQ
import SwitchboardCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that one queue's user of the machine holds; the kernel lets go of it when the process ends, however it ends.
///
/// A lock is on a file, and others look for its path: once the file is removed or replaced, the lock no longer keeps others
/// away. ``renew()`` finds that out.
final class NameLock: Sendable {
    private enum State {
        case held(CInt)
        /// The path is another process's.
        case lost
        case released
    }

    private enum Attempt {
        case locked(CInt)
        case taken
        case failed(CInt)
    }

    let path: String
    private let state: Locked<State>

    /// `nil` when somebody else has it.
    init?(_ path: String) throws(TransportError) {
        self.path = path
        switch Self.lock(path) {
        case .locked(let descriptor): state = Locked(.held(descriptor))
        case .taken: return nil
        case .failed(let code):
            throw TransportError(
                .internalError,
                "The file \(path), which keeps a stable queue name to one process (use_queue_manager), cannot be opened: "
                    + "\(String(cString: strerror(code))).")
        }
    }

    deinit {
        release()
    }

    /// Locks the file that the path leads to, also where it is removed or replaced meanwhile.
    private static func lock(_ path: String) -> Attempt {
        for _ in 0..<100 {
            // A file of another user's in a sticky directory may be opened, not created.
            var descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            if descriptor < 0, errno == ENOENT {
                descriptor = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
            }
            guard descriptor >= 0 else { return .failed(errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                return .taken
            }
            if isThere(descriptor, path) { return .locked(descriptor) }
            close(descriptor)
        }
        return .failed(ESTALE)
    }

    private static func isThere(_ descriptor: CInt, _ path: String) -> Bool {
        var (held, there) = (stat(), stat())
        return fstat(descriptor, &held) == 0 && lstat(path, &there) == 0 && held.st_dev == there.st_dev
            && held.st_ino == there.st_ino
    }

    /// Locks the path again when another file is there now, or none. `false` when that is another process's by now, and the
    /// first time only.
    func renew() -> Bool {
        state.withLock { state in
            guard case .held(let descriptor) = state, !Self.isThere(descriptor, path) else { return true }
            switch Self.lock(path) {
            case .locked(let new):
                close(descriptor)
                state = .held(new)
                return true
            case .taken:
                close(descriptor)
                state = .lost
                return false
            // The directory cannot be written now, for example: the next look may find better.
            case .failed: return true
            }
        }
    }

    /// Whether another queue may have the name, so that nobody need look at this lock any more.
    var isOver: Bool { state.withLock { if case .held = $0 { false } else { true } } }

    func release() {
        state.withLock { state in
            if case .held(let descriptor) = state { close(descriptor) }
            state = .released
        }
    }
}

/// The locks of one driver that are in use.
final class NameLocks: Sendable {
    private let locks = Locked<[NameLock]>([])

    func add(_ lock: NameLock) {
        locks.withLock { locks in
            locks.removeAll(where: \.isOver)
            locks.append(lock)
        }
    }

    /// Keeps each, and returns the paths of those that are another process's since the last time.
    func renew() -> [String] {
        let held = locks.withLock { locks in
            locks.removeAll(where: \.isOver)
            return locks
        }
        return held.filter { !$0.renew() }.map(\.path)
    }
}
#endif
