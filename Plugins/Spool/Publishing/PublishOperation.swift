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
        var remaining: Int
        /// Whether one of them is there.
        var isPartlyDone = false
        var failure: PublishFailure?

        /// One of them is over.
        ///
        /// - Returns: what the operation has come to, if that was the last one.
        mutating func settled(_ failure: PublishFailure?) -> Outcome? {
            remaining -= 1
            if failure == nil { isPartlyDone = true }
            if self.failure == nil { self.failure = failure }
            guard remaining == 0 else { return nil }
            switch self.failure {
            case nil: return .done
            // One queue has it, so that it was not "not sent"; and trying again would give it to that one twice.
            case .moved(var error)? where isPartlyDone, .failed(var error)? where isPartlyDone:
                error.code = .indeterminate
                return .failed(error)
            case .moved(let error)?: return .moved(error)
            case .failed(let error)?: return .failed(error)
            }
        }
    }

    package let message: Message
    package let address: Address
    let mandatory: Bool
    private let publish: Publish?
    private let onEnd: @Sendable (Outcome) -> Void

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

    /// What is to be called with the end of each of so many parts; the last call finishes the operation.
    package func settling(_ count: Int) -> @Sendable (PublishFailure?) -> Void {
        // Nearly always: one queue, which needs no record of what the others have come to.
        if count == 1 {
            return { failure in
                switch failure {
                case nil: self.finish(.done)
                case .moved(let error)?: self.finish(.moved(error))
                case .failed(let error)?: self.finish(.failed(error))
                }
            }
        }
        let parts = Locked(Parts(remaining: count))
        return { failure in
            let outcome: Outcome? = parts.withLock { $0.settled(failure) }
            if let outcome { self.finish(outcome) }
        }
    }
}
