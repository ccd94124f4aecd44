// JSON by size, ours and Foundation's: a call of that many bytes in its envelope, both layers, into values and back.
//
//     json-size-bench BYTES N     prints the microseconds of one encoding and of one decoding, of both

import BenchSupport
import Foundation
import SwitchboardMessaging

prepareOutput()

struct Call: Codable, Equatable {
    var method = "echo"
    var args: [String: String]
    var version = "1.0"
    var messageID = String(repeating: "a", count: 32)
    var replyQueue = "reply_" + String(repeating: "b", count: 32)
    var timeout = 60
    var uniqueID = String(repeating: "c", count: 32)
    var userID = "bench"
    var projectID = "bench"
}

struct Envelope: Codable {
    enum CodingKeys: String, CodingKey {
        case version = "oslo.version"
        case message = "oslo.message"
    }
    var version = "2.0"
    var message: String
}

let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
guard numbers.count == 2, numbers[0] >= 1, numbers[1] >= 1 else {
    say("usage: json-size-bench BYTES N")
    exit(2)
}
let call = Call(args: ["body": String(repeating: "x", count: numbers[0])])
let (encoder, decoder) = (JSONEncoder(), JSONDecoder())

func foundationEncode() throws -> Data {
    try encoder.encode(Envelope(message: String(decoding: try encoder.encode(call), as: UTF8.self)))
}

func foundationDecode(_ body: Data) throws -> Call {
    try decoder.decode(Call.self, from: Data(try decoder.decode(Envelope.self, from: body).message.utf8))
}

func ourEncode() throws -> String {
    let inner = "\(try JSONValue(encoding: call))"
    return "\(["oslo.version": "2.0", "oslo.message": .string(inner)] as JSONValue)"
}

func ourDecode(_ body: String) throws -> Call {
    let envelope = try JSONValue(parsing: body)
    return try JSONValue(parsing: envelope["oslo.message"]?.string ?? "").decode(Call.self)
}

func measure(_ who: String, _ metric: String, _ operation: () throws -> Void) throws {
    try operation()
    let start = ContinuousClock.now
    for _ in 0..<numbers[1] { try operation() }
    let value = (ContinuousClock.now - start) / .microseconds(1) / Double(numbers[1])
    say("{\"who\": \"\(who)\", \"metric\": \"\(metric)\", \"value\": \(value), \"unit\": \"us\"}")
}

let (text, data) = (try ourEncode(), try foundationEncode())
guard try ourDecode(text) == call, try foundationDecode(data) == call else {
    say("What was decoded is not what was encoded.")
    exit(1)
}
try measure("switchboard", "encode") { _ = try ourEncode() }
try measure("switchboard", "decode") { _ = try ourDecode(text) }
try measure("Foundation", "encode") { _ = try foundationEncode() }
try measure("Foundation", "decode") { _ = try foundationDecode(data) }
