import Foundation
import NovaCompute
import SwitchboardMessaging
import Testing

/// A file of this target's data, read as JSON.
func testData(_ name: String) throws -> JSONValue {
    let url = try #require(Bundle.module.url(forResource: "Data/\(name)", withExtension: nil))
    return try JSONValue(parsing: Array(try Data(contentsOf: url)))
}

/// What Nova's own `ComputeAPI` was observed to do.
struct Reference: Sendable {
    struct Method: Sendable {
        let name: String
        let isCall: Bool
        let isCallOrCast: Bool
        /// In seconds; `nil`: the response timeout.
        let timeout: Int64?
        let callMonitorTimeout: Int64?
        private let forms: [Form]

        struct Form: Sendable {
            let fromCap: RPCVersion
            /// `nil`: refused.
            let version: String?
            let topic: String
            let arguments: [String]
        }

        init(_ json: JSONValue) throws {
            name = try #require(json["name"]?.string)
            isCall = json["kind"] == "call"
            isCallOrCast = json["either"]?.bool ?? false
            timeout = json["timeout"]?.integer
            callMonitorTimeout = json["call_monitor_timeout"]?.integer
            forms = try elements(json["by_version_cap"]).map { form in
                Form(
                    fromCap: RPCVersion(stringLiteral: try #require(form["from_cap"]?.string)),
                    version: form["version"]?.string, topic: form["topic"]?.string ?? "",
                    arguments: form["version"] == nil ? [] : try elements(form["args"]).compactMap(\.string).sorted())
            }
        }

        /// The form that is sent under a version cap.
        func form(under cap: RPCVersion) throws -> Form {
            try #require(forms.last { $0.fromCap <= cap })
        }
    }

    let caps: [RPCVersion]
    let methods: [String: Method]
    let aliases: [(name: String, version: String)]
    let versionByService: [String]

    init() throws {
        let json = try testData("compute-rpcapi.json")
        caps = try elements(json["caps"]).compactMap { $0.string.flatMap { RPCVersion($0) } }
        let all = try elements(json["methods"]).map { try Method($0) }
        methods = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
        guard case .object(let aliases)? = json["version_aliases"] else { throw MissingData() }
        self.aliases = aliases.map { ($0.key, $0.value.string ?? "") }
        versionByService = try elements(json["compute_rpc_by_service_version"]).compactMap(\.string)
    }
}

/// A request that Nova's own `ComputeAPI` sent, with its ids blanked.
struct WireSample: Sendable {
    let method: String
    let routingKey: String
    /// In milliseconds.
    let expiration: Int64?
    let request: JSONObject
    let result: JSONValue?

    var isCall: Bool { request["_msg_id"] != nil }

    static func all() throws -> (context: JSONObject, samples: [WireSample]) {
        let json = try testData("compute-wire-samples.json")
        guard case .object(let context)? = json["context"] else { throw MissingData() }
        let samples = try elements(json["samples"]).map { sample in
            guard case .object(let request)? = sample["request"] else { throw MissingData() }
            return WireSample(
                method: try #require(sample["method"]?.string),
                routingKey: try #require(sample["routing_key"]?.string),
                expiration: sample["expiration"]?.string.flatMap { Int64($0) }, request: request,
                result: sample["result"])
        }
        return (context, samples)
    }
}

struct MissingData: Error {}

private func elements(_ value: JSONValue?) throws -> [JSONValue] {
    guard case .array(let elements)? = value else { throw MissingData() }
    return elements
}
