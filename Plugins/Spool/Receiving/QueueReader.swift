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

/// One subscription's view of its queue: what is there, in order, and the means to claim and settle it.
///
/// Confined to the actor of the receiving side.
package protocol QueueReader: AnyObject {
    var queue: Queue { get }

    /// Looks at everything that is there: at the start, when reports were lost, on the slow timer.
    func rescan() throws(FileError)

    /// A file of that name has arrived or changed.
    func noticed(_ name: String)

    /// Claims the first message that nobody else has. `nil`: there is none.
    func claim() throws(FileError) -> Claim?

    func settle(_ claim: Claim, _ settlement: Settlement) throws(FileError)

    func close()
}
