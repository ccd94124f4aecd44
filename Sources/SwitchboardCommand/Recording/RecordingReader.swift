import SwitchboardCore
import SwitchboardSpool

/// Reads a recording in its order, a part at a time.
struct RecordingReader {
    private let inspector: SpoolInspector
    private let path: String
    private var part: ArraySlice<SpoolInspector.StoredMessage> = []
    private var cursor: SpoolCursor?
    private var isOver = false
    /// How many messages were read, damaged ones too.
    private(set) var position = 0
    /// How many of them can't be read.
    private(set) var damaged = 0

    private static let partSize = 1000

    /// - Parameter path: the directory of a recording.
    init(_ path: String) throws(Failure) {
        self.path = path
        do throws(TransportError) {
            inspector = try SpoolInspector(SpoolConfiguration(directory: path), logger: Doctor.silent)
            guard try inspector.queues().contains(where: { $0.name == Recording.queue }) else {
                inspector.close()
                throw TransportError(.invalidAddress, "The spool \(path) isn't a recording.")
            }
        } catch {
            throw Failure(error.sentence, exit: Recording.unusable)
        }
    }

    func close() {
        inspector.close()
    }

    /// The next message; `nil` at the end.
    mutating func next() throws(Failure) -> RecordedMessage? {
        while true {
            while let stored = part.popFirst() {
                position += 1
                if let message = stored.message.flatMap(RecordedMessage.init) { return message }
                damaged += 1
            }
            if isOver { return nil }
            do throws(TransportError) {
                let found = try inspector.messages(in: Recording.queue, from: cursor, limit: Self.partSize)
                part = found.messages[...]
                cursor = found.next
                isOver = found.next == nil
            } catch {
                throw Failure("The recording \(path) can't be read: \(error.sentence)", exit: Recording.unusable)
            }
        }
    }
}
