import SwitchboardCore
import SwitchboardMessaging

/// The named arguments of a request, in the order that Nova writes them.
struct ComputeArguments: ExpressibleByDictionaryLiteral {
    private(set) var json = JSONObject()

    init(dictionaryLiteral elements: (String, any ComputeArgument)...) {
        json.reserveCapacity(elements.count)
        for (name, value) in elements { json.append(key: name, value: value.json) }
    }

    /// Adds an argument, or replaces it.
    mutating func set(_ name: String, _ value: some ComputeArgument) {
        json[name] = value.json
    }

    /// Adds an argument that older versions do not have. They are sent nothing when it says nothing, and the request is
    /// refused when it does: it would be carried out without.
    mutating func add(
        _ name: String, _ value: some ComputeArgument, since newer: RPCVersion, sending version: RPCVersion
    ) throws {
        guard version < newer else {
            set(name, value)
            return
        }
        switch value.json {
        case .null, .bool(false), .array([]): break
        default:
            throw RPCError(
                .versionCapExceeded,
                "\(name) needs compute RPC version \(newer), and the target is pinned to less: \(version) would be "
                    + "sent, and the argument lost.")
        }
    }
}

/// A value that can be an argument.
protocol ComputeArgument {
    var json: JSONValue { get }
}

extension NovaObject: ComputeArgument {}

extension JSONValue: ComputeArgument {
    var json: JSONValue { self }
}

extension JSONObject: ComputeArgument {
    var json: JSONValue { .object(self) }
}

extension String: ComputeArgument {
    var json: JSONValue { .string(self) }
}

extension Bool: ComputeArgument {
    var json: JSONValue { .bool(self) }
}

extension Int: ComputeArgument {
    var json: JSONValue { .integer(Int64(self)) }
}

/// Passwords go to the compute in clear text: that is what Nova's wire has.
extension Secret: ComputeArgument {
    var json: JSONValue { .string(reveal()) }
}

extension Array: ComputeArgument where Element: ComputeArgument {
    var json: JSONValue { .array(map(\.json)) }
}

extension Optional: ComputeArgument where Wrapped: ComputeArgument {
    var json: JSONValue { self?.json ?? .null }
}
