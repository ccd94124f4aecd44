// The JSON codec against Foundation's: encoding and decoding a call of about 1 KiB with both of its JSON layers.
//
//     swift build -c release --package-path Tests/Benchmarks -Xswiftc -enable-testing --product json-bench
//     json-bench [SECONDS]
//
// Prints one JSON object, times in microseconds, and ends with 1 when ours takes more than 0.45 of Foundation's time.
// Rounds of the two alternate, and the fastest round of each counts: a busy machine slows both.

import BenchSupport
import Foundation
import SwitchboardCore

@testable import SwitchboardMessaging

prepareOutput()

/// The call as Foundation's coders see it.
// The names are those of the wire.
// swift-format-ignore: AlwaysUseLowerCamelCase
struct FoundationCall: Codable {
    struct Arguments: Codable, Equatable {
        enum CodingKeys: String, CodingKey {
            case instance
            case blockDeviceMapping = "block_device_mapping"
            case rebootType = "reboot_type"
            case attempts, wait, ratio, notes
        }

        var instance: String
        var blockDeviceMapping: [String: String]
        var rebootType: String
        var attempts: Int
        var wait: Bool
        var ratio: Double
        var notes: [String]
    }

    struct Envelope: Codable {
        enum CodingKeys: String, CodingKey {
            case version = "oslo.version"
            case message = "oslo.message"
        }
        var version: String
        var message: String
    }

    enum CodingKeys: String, CodingKey {
        case method, args, version
        case messageID = "_msg_id"
        case replyQueue = "_reply_q"
        case timeout = "_timeout"
        case uniqueID = "_unique_id"
        case userID = "_context_user_id"
        case projectID = "_context_project_id"
        case isAdmin = "_context_is_admin"
        case roles = "_context_roles"
        case requestID = "_context_request_id"
        case timestamp = "_context_timestamp"
        case readDeleted = "_context_read_deleted"
    }

    var method: String
    var args: Arguments
    var version: String
    var messageID: String
    var replyQueue: String
    var timeout: Int?
    var uniqueID: String
    var userID: String
    var projectID: String
    var isAdmin: Bool
    var roles: [String]
    var requestID: String
    var timestamp: String
    var readDeleted: String
}

let arguments = FoundationCall.Arguments(
    instance: "6f70656e-7374-4163-8b00-000000000001",
    blockDeviceMapping: ["device_name": "/dev/vdb", "volume_id": "66666666-6666-6666-6666-666666666666"],
    rebootType: "HARD", attempts: 3, wait: true, ratio: 1.5,
    notes: ["first of two notes about what is to be done", "second: \"quoted\" and with a grüße"])
let call = FoundationCall(
    method: "reboot_instance", args: arguments, version: "6.0", messageID: String(repeating: "a", count: 32),
    replyQueue: "reply_" + String(repeating: "b", count: 32), timeout: 60,
    uniqueID: String(repeating: "c", count: 32), userID: String(repeating: "d", count: 32),
    projectID: String(repeating: "e", count: 32), isAdmin: true,
    roles: ["admin", "member", "reader"], requestID: "req-6f70656e-7374-4163-8b00-000000000002",
    timestamp: "2026-01-02T03:04:05.678901", readDeleted: "no")
let context: JSONObject = [
    "user_id": .string(call.userID), "project_id": .string(call.projectID), "is_admin": true,
    "roles": ["admin", "member", "reader"], "request_id": .string(call.requestID),
    "timestamp": .string(call.timestamp), "read_deleted": "no",
]

func ours() throws -> Int {
    guard case .object(let object) = try JSONValue(encoding: arguments) else { fatalError("no object") }
    let message = OsloRequest(
        method: call.method, arguments: object, version: call.version, messageID: .string(call.messageID),
        replyQueue: call.replyQueue, timeout: 60, uniqueID: call.uniqueID, context: context
    ).message()
    let request = try OsloRequest(message)
    let decoded = try request.rawArguments?.decode(FoundationCall.Arguments.self)
    precondition(decoded == arguments)
    return message.body.count
}

func foundations() throws -> Int {
    let encoder = JSONEncoder()
    let inner = try encoder.encode(call)
    let body = try encoder.encode(
        FoundationCall.Envelope(version: "2.0", message: String(decoding: inner, as: UTF8.self)))
    let decoder = JSONDecoder()
    let envelope = try decoder.decode(FoundationCall.Envelope.self, from: body)
    let decoded = try decoder.decode(FoundationCall.self, from: Data(envelope.message.utf8))
    precondition(decoded.args == arguments)
    return body.count
}

/// Microseconds of one operation, over a round of many.
func round(_ operation: () throws -> Int) rethrows -> Double {
    let start = ContinuousClock.now
    for _ in 0..<500 { _ = try operation() }
    return (ContinuousClock.now - start) / .microseconds(1) / 500
}

let seconds = CommandLine.arguments.count > 1 ? Double(CommandLine.arguments[1]) ?? 3 : 3
let end = ContinuousClock.now + .seconds(seconds)
var (best, bestOfFoundation) = (Double.infinity, Double.infinity)
repeat {
    best = min(best, try round(ours))
    bestOfFoundation = min(bestOfFoundation, try round(foundations))
} while .now < end

func rounded(_ value: Double) -> JSONValue { .double((value * 100).rounded() / 100) }
let report: JSONValue = [
    "bytes": .integer(Int64(try ours())), "us": rounded(best), "foundation_us": rounded(bestOfFoundation),
    "ratio": rounded(best / bestOfFoundation), "limit": 0.45,
]
say(report)
exit(best / bestOfFoundation <= 0.45 ? 0 : 1)
