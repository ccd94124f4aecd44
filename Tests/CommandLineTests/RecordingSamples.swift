import Foundation
import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// Messages as they pass over a bus.
enum Passing {
    static func message(_ members: JSONValue) -> Message {
        let envelope: JSONValue = ["oslo.version": "2.0", "oslo.message": .string(members.description)]
        return Message(body: Array(envelope.description.utf8))
    }

    static func request(
        _ method: String, _ arguments: JSONValue = [:], id: String? = nil, unique: String = UniqueName.make(),
        key: String = "compute", exchange: String = "nova", time: Double = 1_700_000_000
    ) -> TappedMessage {
        var members: JSONObject = [
            "method": .string(method), "args": arguments, "version": "1.0", "_unique_id": .string(unique),
            "_context_request_id": "req-1",
        ]
        if let id {
            members["_msg_id"] = .string(id)
            members["_reply_q"] = "reply_of_caller"
        }
        return tapped(message(.object(members)), exchange, key, time)
    }

    static func reply(
        _ id: String, _ result: JSONValue, failure: JSONValue = .null, time: Double = 1_700_000_000
    ) -> TappedMessage {
        let members: JSONValue = [
            "_msg_id": .string(id), "result": result, "failure": failure, "ending": true, "_unique_id": "r",
        ]
        return tapped(message(members), "", "reply_of_caller", time)
    }

    static func tapped(
        _ message: Message, _ exchange: String, _ key: String, _ time: Double = 1_700_000_000
    ) -> TappedMessage {
        TappedMessage(
            exchange: exchange, routingKey: key, message: message, instant: .now, time: time, showsReplies: true)
    }

    /// Records messages, and returns where.
    static func record(
        _ messages: [TappedMessage], in program: Program, name: String = "recording",
        redaction: TapRedaction? = TapRedaction()
    ) async throws -> String {
        let path = "\(program.folder)/\(name)"
        let recorder = Recorder(to: path, redaction: redaction)
        try await recorder.recording {
            for message in messages { try await recorder.take(.message(message)) }
        }
        #expect(recorder.progress.recorded == messages.count && recorder.progress.isWhole)
        return path
    }

    static func read(_ path: String) throws -> (messages: [RecordedMessage], damaged: Int) {
        var reader = try RecordingReader(path)
        defer { reader.close() }
        var messages: [RecordedMessage] = []
        while let message = try reader.next() { messages.append(message) }
        return (messages, reader.damaged)
    }

    /// All bytes of all files in a folder.
    static func bytes(in folder: String) -> Data {
        var bytes = Data()
        for file in FileManager.default.enumerator(atPath: folder)?.compactMap({ $0 as? String }) ?? [] {
            bytes += FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data()
        }
        return bytes
    }
}
