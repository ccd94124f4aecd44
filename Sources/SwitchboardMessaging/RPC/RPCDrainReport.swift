/// What became of the requests that an ``RPCServer`` had taken when it was shut down.
public struct RPCDrainReport: Sendable, Hashable, CustomStringConvertible {
    /// Those whose handlers ended after the shutdown began.
    public var finished = 0
    /// Those that had not begun: they went back to the queue.
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
