package import SwitchboardCore

/// A message that a subscription holds, unsettled.
package struct Claim: Sendable {
    package var message: Message
    package var name: MessageName
    /// Where its record lies, in the segment layout.
    package var record: RecordPosition?
}

/// Where a record lies in a segment.
package struct RecordPosition: Hashable, Sendable {
    package var segment: String
    package var offset: Int
}

/// Accepts one claim. Blocks for no longer than a change of a file in memory takes.
package typealias Acceptance = @Sendable () throws(FileError) -> Void

/// One subscription's view of its queue: what is there, in order, and the means to claim and settle it.
///
/// Confined to the actor of the receiving side, but for what ``acceptance(of:)`` returns.
package protocol QueueReader: AnyObject {
    var queue: Queue { get }

    /// Looks at everything that is there: at the start, when reports were lost, on the slow timer.
    func rescan() throws(FileError)

    /// Whether it has more before it than it read, and will look again anyhow: then lost reports are no reason to. What
    /// came back to an earlier place waits for the slow timer at most.
    var isBehind: Bool { get }

    /// A file of that name has arrived or changed.
    func noticed(_ name: String)

    /// Claims the first message that nobody else has. `nil`: there is none.
    func claim() throws(FileError) -> Claim?

    func settle(_ claim: Claim, _ settlement: Settlement) throws(FileError)

    /// Gives the claim back as if it had never been made: it counts as no delivery.
    func withdraw(_ claim: Claim) throws(FileError)

    /// What accepts the claim on whatever thread runs it: ENOENT when the claim is not ours any more.
    func acceptance(of claim: Claim) -> Acceptance

    func close()
}
