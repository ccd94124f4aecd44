package import SwitchboardCore

/// Why one part of a publish came to nothing.
package enum PublishFailure: Sendable {
    /// It is certainly not where it should be, as its place has changed.
    case moved(TransportError)
    case failed(TransportError)
}

/// One publish on its way through the threads, into one queue or several. Ends once.
package final class PublishOperation: Sendable {
    package enum Outcome: Sendable {
        case done
        /// Not written, as its caller had given it up.
        case abandoned
        /// Not in the spool, because what was held open of it is not what its paths name any more: worth another try.
        case moved(TransportError)
        case failed(TransportError)
    }

    private struct Parts {
        var remaining = 0
        /// Whether one of them is there.
        var isPartlyDone = false
        var failure: PublishFailure?
    }

    package let message: Message
    package let address: Address
    let mandatory: Bool
    private let publish: Publish?
    private let onEnd: @Sendable (Outcome) -> Void
    private let parts = Locked(Parts())

    init(_ publish: Publish, onEnd: @escaping @Sendable (Outcome) -> Void) {
        self.publish = publish
        self.onEnd = onEnd
        message = publish.message
        address = publish.address
        mandatory = publish.mandatory
    }

    /// One that no caller gives up.
    package init(_ message: Message, to address: Address, onEnd: @escaping @Sendable (Outcome) -> Void) {
        publish = nil
        self.onEnd = onEnd
        self.message = message
        self.address = address
        mandatory = false
    }

    /// To be called right before anything is written. `false` when the caller has given up: then nothing may be written.
    package func begin() -> Bool {
        publish?.begin() ?? true
    }

    package func finish(_ outcome: Outcome) {
        onEnd(outcome)
    }

    /// Expects as many calls of ``settled(_:)`` before it is done.
    package func expect(_ count: Int) {
        parts.withLock { $0.remaining = count }
    }

    /// One of the expected parts is over.
    package func settled(_ failure: PublishFailure?) {
        let outcome: Outcome? = parts.withLock { parts in
            parts.remaining -= 1
            if failure == nil { parts.isPartlyDone = true }
            if parts.failure == nil { parts.failure = failure }
            guard parts.remaining == 0 else { return nil }
            switch parts.failure {
            case nil: return .done
            // One queue has it, so that it was not "not sent"; and trying again would give it to that one twice.
            case .moved(var error)? where parts.isPartlyDone, .failed(var error)? where parts.isPartlyDone:
                error.code = .indeterminate
                return .failed(error)
            case .moved(let error)?: return .moved(error)
            case .failed(let error)?: return .failed(error)
            }
        }
        if let outcome { finish(outcome) }
    }
}
