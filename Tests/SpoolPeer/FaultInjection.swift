package import Glibc
internal import SwitchboardCore
internal import SwitchboardSpool

/// The real system calls, with a fault at one of them: the process is killed before it, it fails, or it writes less.
package final class FaultInjection: FileOperations {
    package enum Fault: Sendable {
        case kill
        case fail(CInt)
        case shortWrite
    }

    private struct State {
        var isArmed = false
        var count = 0
        var calls: [String] = []
        /// Which call meets the fault, from 1; later ones too where it lasts.
        var at: Int?
        var lasts = false
        var fault = Fault.kill
        var only: String?
    }

    private let state = Locked(State())
    private let real = SystemFileOperations()
    private let onFault: @Sendable (String) -> Void

    /// - Parameter onFault: called with the name of a call that meets the fault, before it does.
    package init(onFault: @escaping @Sendable (String) -> Void = { _ in }) {
        self.onFault = onFault
    }

    /// Counts from now on, and lets the call `at` (from 1) of those named `only` meet the fault.
    package func arm(at: Int?, _ fault: Fault, only: String? = nil, lasting: Bool = false) {
        state.withLock { state in
            state = State(isArmed: true, at: at, lasts: lasting, fault: fault, only: only)
        }
    }

    package func disarm() {
        state.withLock { $0.isArmed = false }
    }

    /// The calls since it was armed.
    package var calls: [String] {
        state.withLock { $0.calls }
    }

    /// The fault that this call meets.
    private func step(_ call: String) -> Fault? {
        state.withLock { state in
            guard state.isArmed, state.only == nil || state.only == call else { return nil }
            state.count += 1
            state.calls.append(call)
            guard let at = state.at, state.count == at || (state.lasts && state.count > at) else { return nil }
            onFault(call)
            if case .kill = state.fault { kill(getpid(), SIGKILL) }
            return state.fault
        }
    }

    private func failure(_ call: String) -> CInt? {
        if case .fail(let number) = step(call) { -number } else { nil }
    }

    package func open(_ directory: CInt, _ path: String, flags: CInt, mode: mode_t) -> CInt {
        failure("open") ?? real.open(directory, path, flags: flags, mode: mode)
    }

    package func close(_ descriptor: CInt) -> CInt {
        let failure = failure("close")
        // The kernel releases the descriptor even when it reports an error.
        let result = real.close(descriptor)
        return failure ?? result
    }

    package func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        switch step("write") {
        case .fail(let number): return -Int(number)
        case .shortWrite where bytes.count > 1:
            return real.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
        default: return real.write(descriptor, bytes, at: offset)
        }
    }

    package func read(_ descriptor: CInt, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        failure("read").map { Int($0) } ?? real.read(descriptor, bytes, at: offset)
    }

    package func synchronize(_ descriptor: CInt, dataOnly: Bool) -> CInt {
        failure("sync") ?? real.synchronize(descriptor, dataOnly: dataOnly)
    }

    package func rename(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt {
        failure("rename") ?? real.rename(directory, name, to: target, newName)
    }

    package func link(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt {
        failure("link") ?? real.link(directory, name, to: target, newName)
    }

    package func unlink(_ directory: CInt, _ name: String, isDirectory: Bool) -> CInt {
        failure("unlink") ?? real.unlink(directory, name, isDirectory: isDirectory)
    }

    package func makeDirectory(_ directory: CInt, _ name: String, mode: mode_t) -> CInt {
        failure("mkdir") ?? real.makeDirectory(directory, name, mode: mode)
    }

    package func truncate(_ descriptor: CInt, to length: Int) -> CInt {
        failure("truncate") ?? real.truncate(descriptor, to: length)
    }

    package func allocate(_ descriptor: CInt, length: Int) -> CInt {
        failure("allocate") ?? real.allocate(descriptor, length: length)
    }

    package func status(_ directory: CInt, _ path: String, _ status: inout stat) -> CInt {
        failure("stat") ?? real.status(directory, path, &status)
    }

    package func freeSpace(_ descriptor: CInt, _ status: inout statvfs) -> CInt {
        if let failure = failure("statvfs") { return failure }
        return real.freeSpace(descriptor, &status)
    }

    package func lockWhole(_ descriptor: CInt) -> CInt {
        failure("flock") ?? real.lockWhole(descriptor)
    }

    package func lockByte(_ descriptor: CInt, at offset: Int, locked: Bool) -> CInt {
        failure("lock") ?? real.lockByte(descriptor, at: offset, locked: locked)
    }

    package func testByte(_ descriptor: CInt, at offset: Int) -> CInt {
        failure("lock") ?? real.testByte(descriptor, at: offset)
    }
}
