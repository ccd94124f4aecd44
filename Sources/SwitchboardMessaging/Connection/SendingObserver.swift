package import SwitchboardCore

/// Watches what is sent through a ``MessageQueueConnection``, and can hold it back: a cell's line uses it to notice that
/// its queue does not answer, and to let nobody wait for it again until it does.
///
/// All functions may be called concurrently, and must not wait.
package protocol SendingObserver: Sendable {
    /// Called before anything is sent. Throws when nothing is to be sent for now; the sender gets that error at once.
    func admit() throws(TransportError)

    /// The queue has taken a message over.
    func sent()

    /// The queue has not taken a message over, or its reply mailbox could not be opened; the sender gets `error`.
    ///
    /// - Parameter waited: for how long it was tried.
    func failed(_ error: any Error, after waited: Duration)
}

/// What an observer is told of one message.
struct SendingObservation: Sendable {
    private let observer: any SendingObserver
    private let start = Moment.now

    /// Asks whether anything is to be sent.
    init(_ observer: any SendingObserver) throws(TransportError) {
        try observer.admit()
        self.observer = observer
    }

    func ended(_ error: (any Error)?) {
        if let error { observer.failed(error, after: start.duration(to: .now)) } else { observer.sent() }
    }
}
