extension Address {
    package enum Use {
        case publishing, subscribing
    }

    /// The most that a name takes on any wire, in UTF-8 bytes (AMQP's short string).
    private static let maximumNameLength = 255

    /// Throws `invalidAddress` for names that some driver could not carry, so that all drivers refuse the same ones.
    package func validate(for use: Use) throws(TransportError) {
        switch self {
        case .topic(let topic), .fanout(let topic), .notifications(let topic):
            try check(topic)
        case .server(let topic, let server):
            try check(topic)
            try check(server, "server")
            try check("\(topic.name).\(server)", "topic and server")
        case .mailbox(let mailbox):
            try check(mailbox.name, "mailbox")
        case .pool(let pool, let topic):
            try check(topic)
            try check(pool, "pool")
            if use == .publishing {
                throw TransportError(
                    .invalidAddress, "\(self) cannot be published to: publish to the notifications of its topic.")
            }
        }
    }

    private func check(_ topic: Topic) throws(TransportError) {
        try check(topic.exchange, "exchange")
        try check(topic.name, "topic")
    }

    private func check(_ name: String, _ what: String) throws(TransportError) {
        if name.isEmpty {
            throw TransportError(.invalidAddress, "The \(what) name of \(self) is empty.")
        }
        if name.utf8.count > Self.maximumNameLength {
            throw TransportError(
                .invalidAddress,
                "The \(what) name of \(self) has \(name.utf8.count) bytes; \(Self.maximumNameLength) is the most.")
        }
        if name.utf8.contains(0) {
            throw TransportError(.invalidAddress, "The \(what) name of \(self) contains a NUL byte.")
        }
    }
}
