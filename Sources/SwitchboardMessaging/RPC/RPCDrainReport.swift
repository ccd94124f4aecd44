/// What happened to the requests that an ``RPCServer`` had taken when it was shut down.
public struct RPCDrainReport: Sendable, Hashable, CustomStringConvertible {
    /// The number of requests whose handlers ended after the shutdown began.
    public var finished = 0
    /// The number of requests that had not started. They went back to the queue.
    public var requeued = 0

    public init(finished: Int = 0, requeued: Int = 0) {
        self.finished = finished
        self.requeued = requeued
    }

    /// `12 finished, 3 requeued`.
    public var description: String {
        "\(finished) finished, \(requeued) requeued"
    }
}
