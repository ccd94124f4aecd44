internal import Synchronization
package import SwitchboardCore

/// Whether the disk can be trusted. Two device errors in a row, and the spool takes no more messages until it is opened
/// again: after a failed fsync the kernel calls lost pages clean, and trying on would accept messages into nowhere.
package final class Health: Sendable {
    private struct State {
        var failures = 0
        var reason: String?
    }

    private let state = Locked(State())
    /// Whether there is a reason: asked with every message.
    private let isReadOnly = Atomic<Bool>(false)
    private let onReadOnly: @Sendable (TransportError) -> Void

    /// - Parameter onReadOnly: called once, with what publishes fail with from then on.
    package init(onReadOnly: @escaping @Sendable (TransportError) -> Void) {
        self.onReadOnly = onReadOnly
    }

    package var readOnlyReason: String? {
        isReadOnly.load(ordering: .acquiring) ? state.withLock { $0.reason } : nil
    }

    package func check() throws(TransportError) {
        if let reason = readOnlyReason { throw Self.readOnly(reason) }
    }

    private static func readOnly(_ reason: String) -> TransportError {
        TransportError(
            .unavailable,
            "The spool is read-only because its disk failed repeatedly (\(reason)): check the disk, then restart.")
    }

    package func succeeded() {
        state.withLock { $0.failures = 0 }
    }

    package func failed(_ error: FileError) {
        guard error.isDeviceError else { return }
        let reason: String? = state.withLock { state in
            state.failures += 1
            guard state.failures >= 2, state.reason == nil else { return nil }
            state.reason = "\(error)"
            isReadOnly.store(true, ordering: .releasing)
            return state.reason
        }
        if let reason { onReadOnly(Self.readOnly(reason)) }
    }
}
