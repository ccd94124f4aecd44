import SwitchboardMessaging

/// What a compute returned, read as what the method promises.
struct ComputeReply {
    let method: String
    let value: JSONValue

    var string: String {
        get throws {
            guard let string = value.string else { throw mismatch("a string") }
            return string
        }
    }

    /// `nil` for `null`.
    var optionalString: String? {
        get throws { value == .null ? nil : try string }
    }

    var bool: Bool {
        get throws {
            guard let bool = value.bool else { throw mismatch("true or false") }
            return bool
        }
    }

    var dictionary: JSONObject {
        get throws {
            guard case .object(let object) = value else { throw mismatch("a dictionary") }
            return object
        }
    }

    var object: NovaObject {
        get throws {
            do {
                return try NovaObject(json: value)
            } catch let error as RPCError {
                throw RPCError(.invalidReply, "The reply of \(method) is no object: \(error.message)")
            }
        }
    }

    private func mismatch(_ expected: String) -> RPCError {
        // The value is not shown: it may be a console's token.
        RPCError(.invalidReply, "The reply of \(method) is not what it promises: \(expected).")
    }
}
