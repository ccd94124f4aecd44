import SwitchboardCore

@testable import SwitchboardSpool

/// Any bytes as what lies in a spool: a message, a segment or a piece of one, a header, a name.
func checkSpool(_ bytes: [UInt8]) -> CInt {
    checkMessageFile(bytes)
    checkSegment(bytes)
    checkNames(String(decoding: bytes, as: UTF8.self))
    return 0
}

/// A message is refused with a reason, or read; what was read survives being written.
private func checkMessageFile(_ bytes: [UInt8]) {
    guard let file = try? MessageFile(decoding: bytes) else { return }
    guard let again = try? MessageFile(decoding: file.encoded) else { fatalError("What was written cannot be read.") }
    precondition(again.message == file.message && again.queue == file.queue)
}

/// Every byte of a segment is in one piece, and what is taken out of it is whole.
private func checkSegment(_ bytes: [UInt8]) {
    let walk = SegmentWalk(bytes: bytes[...], end: bytes.count)
    var position = 0
    try? walk.forEachPiece(from: 0) { range, piece in
        precondition(range.lowerBound >= position && range.upperBound > range.lowerBound)
        precondition(range.upperBound <= bytes.count)
        position = range.upperBound
        if case .record(let header, let payload) = piece { precondition(header.length == payload.count) }
    }
    for message in Salvage(bytes).messages {
        precondition((try? MessageFile(decoding: message.encoded))?.message == message.message)
    }
    guard let header = SegmentHeader(decoding: bytes[...]), header.isChecked else { return }
    let again = SegmentHeader(decoding: header.encoded[...])
    precondition(again?.committed == header.committed && again?.isSealed == header.isSealed && again?.isSound == true)
}

/// A name is none of ours, or the one that we write.
private func checkNames(_ text: String) {
    if let name = MessageName(text) { precondition("\(name)" == text) }
    if let claim = ClaimName(text) { precondition("\(claim)" == text) }
    if let date = Timestamp(text) { _ = "\(date)" }
    if let queue = QueueName(encoded: text) {
        precondition(QueueName(encoded: queue.encoded) == queue)
        precondition(queue.directoryName.utf8.count <= 255 && !queue.directoryName.utf8.contains(UInt8(ascii: "/")))
    }
    _ = (SegmentFile.isSegment(text), SegmentFile.start(of: text), SegmentFile.owner(of: text))
}
