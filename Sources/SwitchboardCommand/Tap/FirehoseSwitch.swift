#if RabbitMQ
    import Foundation
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// RabbitMQ's firehose of one virtual host, by the management API.
    struct FirehoseSwitch {
        let management: ManagementAPI
        let virtualHost: String

        /// Turns the firehose on while `body` runs, and off again however it ends, cancellation too; one that was on before stays on.
        ///
        /// - Parameter left: is told why the firehose could not be turned off again.
        func whileOn<Result>(
            left: (String) -> Void, _ body: () async throws -> Result
        ) async throws -> Result {
            let wasOn: Bool
            do throws(ManagementError) {
                wasOn = try await isOn()
                if !wasOn { try await set(true) }
            } catch {
                throw Failure("The firehose can't be turned on: \(error.reason).", exit: MessageExit.queue)
            }
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            if !wasOn {
                do throws(ManagementError) {
                    try await set(false)
                } catch {
                    left(
                        "The firehose of the virtual host \(virtualHost) is still on: it could not be turned off (\(error.reason)). "
                            + "Do it with 'rabbitmqctl trace_off -p \(virtualHost)'.")
                }
            }
            return try result.get()
        }

        private var path: String { "/api/vhosts/\(ManagementAPI.escaped(virtualHost))" }

        private func isOn() async throws(ManagementError) -> Bool {
            try await description()["tracing"]?.bool ?? false
        }

        private func description() async throws(ManagementError) -> JSONValue {
            guard let answer = try await management.get(path) else {
                throw ManagementError("the management API knows no virtual host \(virtualHost)")
            }
            return answer
        }

        /// With the rest of its settings as they are: what is left out may be taken for empty.
        private func set(_ isOn: Bool) async throws(ManagementError) {
            let present = try await description()
            var settings: JSONObject = ["tracing": .bool(isOn)]
            for name in ["description", "default_queue_type"] {
                if let text = present[name]?.string, !text.isEmpty, text != "undefined" {
                    settings[name] = .string(text)
                }
            }
            if case .array(let tags)? = present["tags"], !tags.isEmpty {
                settings["tags"] = .string(tags.compactMap(\.string).joined(separator: ","))
            }
            try await management.put(path, .object(settings))
        }
    }
#endif
