/// Where we knowingly do otherwise than oslo.messaging 18.3.1, and why. Everything else is the same.
struct Deviation: Sendable {
    /// The case of `server-tolerance-cases.json` or `client-tolerance-cases.json`.
    let name: String
    let oslo: String
    let ours: String
    let reason: String

    /// Of servers.
    static let requests: [Deviation] = [
        Deviation(
            name: "kwarg named ctxt",
            oslo: "refuses it: TypeError, got multiple values for argument 'ctxt'",
            ours: "takes it as any argument",
            reason: "Which names a caller may use must not depend on what a handler calls its own parameters."),
        Deviation(
            name: "non-callable attr",
            oslo: "finds the attribute and fails to call it: TypeError",
            ours: "says that there is no such method: NoSuchMethod",
            reason: "Only what is registered can be reached; a peer must not find out what else an object has."),
        Deviation(
            name: "method target",
            oslo: "calls the endpoint's own description: TypeError",
            ours: "says that there is no such method: NoSuchMethod",
            reason: "As above."),
    ]

    /// Of clients.
    static let replies: [Deviation] = [
        Deviation(
            name: "legacy second msg w/o failure key",
            oslo: "raises KeyError: 'failure' in the caller, though the result is there",
            ours: "returns the result",
            reason: "A missing key means what its default means, as with every other key."),
        Deviation(
            name: "fail builtins OSError args",
            oslo:
                "raises FileNotFoundError, as Python makes it of OSError(2, …), with the message in place of the number",
            ours: "throws a remote error with the class and the arguments as they were sent",
            reason: "What was sent is what the caller should see."),
        Deviation(
            name: "fail not JSON",
            oslo: "raises JSONDecodeError in the caller",
            ours: "throws a remote error of the class UnreadableFailure that cites the text",
            reason: "The call failed there, and the text is all that is known of why."),
    ]

    /// Beyond the cases.
    static let general: [Deviation] = [
        Deviation(
            name: "messages of refusals",
            oslo: "the text of what went wrong inside of it, such as list index out of range",
            ours: "the same class, with a sentence that says what is wrong with the request",
            reason: "The sentence is for whoever has to mend the caller."),
        Deviation(
            name: "empty body",
            oslo: "acknowledges it and logs a TypeError",
            ours: "rejects it as every other body that is no message, so that a dead-letter queue gets it",
            reason: "It is no message."),
        Deviation(
            name: "leaked keepalives",
            oslo:
                "sends keepalives for ever after a request for a method that it does not have (_timeout of 2 or more)",
            ours: "stops them with the reply",
            reason: "A defect (oslo-wire.md §4.5)."),
        Deviation(
            name: "results that cannot be sent",
            oslo: "sends no reply when the result or the arguments of an exception cannot be encoded",
            ours: "replies with an error",
            reason: "The caller would wait for its timeout."),
        Deviation(
            name: "duplicates",
            oslo: "knows the last 16 requests",
            ours: "knows the last 4096 of ten minutes",
            reason: "A broker redelivers more than 16 after a lost connection (field.md §2.5)."),
        Deviation(
            name: "compression",
            oslo: "reads zlib, bzip2, lzma and what else Python has",
            ours: "reads zlib; the others are rejected with a reason that names the option to change",
            reason: "zlib is what kombu_compression=gzip sends; the rest is not worth a library."),
        Deviation(
            name: "unpaired surrogates",
            oslo: "passes them through",
            ours: "makes them U+FFFD",
            reason: "No Swift string can hold them, and no UTF-8 text either."),
    ]
}
