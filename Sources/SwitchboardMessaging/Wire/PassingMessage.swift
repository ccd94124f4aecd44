package import SwitchboardCore

/// What passes over a bus, for a reader that neither sent it nor answers it. Nothing in it is checked beyond its form.
package enum PassingMessage: Sendable, Hashable {
    /// A call, or a cast where it has no ``Request/id``.
    package struct Request: Sendable, Hashable {
        package var method: String
        package var namespace: String?
        package var version: String?
        package var arguments: JSONObject
        /// Joins a call with its replies.
        package var id: String?
        /// Where the caller waits.
        package var replyQueue: String?
        /// Differs for every message that isn't sent again.
        package var uniqueID: String?
        /// Of the context.
        package var requestID: String?
        package var userID: String?
        package var projectID: String?
    }

    /// A part of the answer to a call: a keepalive has neither a result nor a failure, and isn't the end.
    package struct Reply: Sendable, Hashable {
        package struct Failure: Sendable, Hashable {
            /// The exception's, with its module: `nova.exception.InstanceNotFound`.
            package var className: String
            package var message: String
        }

        package var id: String
        package var result: JSONValue
        package var failure: Failure?
        package var isEnding: Bool
    }

    package struct Notification: Sendable, Hashable {
        package var eventType: String
        package var publisherID: String?
        package var priority: String?
        package var payload: JSONValue
        package var requestID: String?
        package var userID: String?
        package var projectID: String?
    }

    case request(Request)
    case reply(Reply)
    case notification(Notification)
    /// It isn't one of oslo.messaging's, or can't be read, with the reason.
    case other(String)

    /// Reads a message.
    package init(_ message: Message) {
        let members: JSONObject
        do throws(WireError) {
            members = try OsloEnvelope.open(message)
        } catch {
            self = .other(error.description)
            return
        }
        if let method = members["method"] {
            self = .request(Request(Self.text(method) ?? "", members))
        } else if let id = Self.text(members["_msg_id"]), members["ending"] != nil || members["result"] != nil {
            guard members[OsloReply.cancellationKey] != true else {
                self = .other("A caller's word that it doesn't wait any more.")
                return
            }
            self = .reply(Reply(id, members))
        } else if let event = Self.text(members["event_type"]) {
            self = .notification(Notification(event, members))
        } else {
            self = .other("It has neither a method, nor the id of a call, nor an event type.")
        }
    }

    /// A string's text, or the JSON text of anything else but null.
    fileprivate static func text(_ value: JSONValue?) -> String? {
        switch value {
        case nil, .null?: nil
        case .string(let text)?: text
        case let other?: other.description
        }
    }
}

extension PassingMessage.Request {
    fileprivate init(_ method: String, _ members: JSONObject) {
        self.method = method
        namespace = PassingMessage.text(members["namespace"])
        version = PassingMessage.text(members["version"])
        if case .object(let object)? = members["args"] { arguments = object } else { arguments = [:] }
        id = PassingMessage.text(members["_msg_id"]).flatMap { $0.isEmpty ? nil : $0 }
        replyQueue = members["_reply_q"]?.string
        uniqueID = PassingMessage.text(members["_unique_id"])
        requestID = members["_context_request_id"]?.string
        userID = members["_context_user_id"]?.string
        projectID = members["_context_project_id"]?.string
    }
}

extension PassingMessage.Reply {
    fileprivate init(_ id: String, _ members: JSONObject) {
        self.id = id
        result = members["result"] ?? .null
        isEnding = members["ending"]?.isTrueInPython ?? false
        let failure: OsloFailure? =
            switch members["failure"] {
            case nil, .null?, .string("")?: nil
            case .string(let text)?: OsloFailure(text: text)
            case let other?: OsloFailure(unreadable: "\(other)")
            }
        self.failure = failure.map { failure in
            let name = failure.module.isEmpty ? failure.className : "\(failure.module).\(failure.className)"
            return Failure(className: name, message: failure.message)
        }
    }
}

extension PassingMessage.Notification {
    fileprivate init(_ eventType: String, _ members: JSONObject) {
        self.eventType = eventType
        publisherID = PassingMessage.text(members["publisher_id"])
        priority = PassingMessage.text(members["priority"])
        payload = members["payload"] ?? .null
        requestID = members["_context_request_id"]?.string
        userID = members["_context_user_id"]?.string
        projectID = members["_context_project_id"]?.string
    }
}

extension Message {
    /// The same message with other members, in the form in which it came: in an envelope or not, and not compressed any more.
    ///
    /// - Parameter change: gets the members as they came, and returns those that the new message has.
    package func rewritten(_ change: (JSONObject) -> JSONObject) throws(WireError) -> Message {
        let (object, isEnveloped) = try OsloEnvelope.read(self)
        let changed = change(object)
        var message = self
        if isEnveloped {
            message.body =
                OsloEnvelope.seal { writer in
                    var isFirst = true
                    for (key, value) in changed {
                        writer.key(key, isFirst: &isFirst)
                        writer.write(value)
                    }
                }.body
        } else {
            message.body = Array(changed.description.utf8)
        }
        message.contentEncoding = "utf-8"
        message.headers["compression"] = nil
        return message
    }
}
