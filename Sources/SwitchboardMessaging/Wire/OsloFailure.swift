/// An error as a reply carries it: JSON text inside the reply (oslo-wire.md §5.1).
struct OsloFailure: Sendable, Hashable {
    var className: String
    var module: String
    var message: String
    /// Lines of a stack trace.
    var traceback: [String] = []
    var arguments: [JSONValue] = []
    var keywordArguments: JSONObject = [:]

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        var isFirst = true
        writer.key("class", isFirst: &isFirst)
        writer.write(className)
        writer.key("module", isFirst: &isFirst)
        writer.write(module)
        writer.key("message", isFirst: &isFirst)
        writer.write(message)
        writer.key("tb", isFirst: &isFirst)
        writer.write(.array(traceback.map(JSONValue.string)))
        writer.key("args", isFirst: &isFirst)
        writer.write(.array(arguments))
        writer.key("kwargs", isFirst: &isFirst)
        writer.write(keywordArguments)
        writer.endObject()
    }
}

extension OsloFailure {
    /// Reads the text of a failure. Whatever is missing has the default that oslo.messaging gives it.
    init(text: String) {
        guard case .object(let object)? = try? JSONValue(parsing: text) else {
            self.init(unreadable: text)
            return
        }
        self.init(
            className: object["class"]?.text ?? "", module: object["module"]?.text ?? "",
            message: object["message"]?.text ?? "")
        if case .array(let lines)? = object["tb"] { traceback = lines.map { $0.text ?? "" } }
        if case .array(let values)? = object["args"] { arguments = values }
        if case .object(let values)? = object["kwargs"] { keywordArguments = values }
        // A relayed remote error travels under its original name.
        if className.hasSuffix(Self.remoteSuffix), module.hasSuffix(Self.remoteSuffix) {
            className.removeLast(Self.remoteSuffix.count)
            module.removeLast(Self.remoteSuffix.count)
        }
    }

    /// A failure whose text cannot be read; at most 200 characters of it are kept.
    init(unreadable text: String) {
        self.init(
            className: "UnreadableFailure", module: "switchboard",
            message: "The peer sent a failure that cannot be read: \(text.prefix(200))")
    }

    private static let remoteSuffix = "_Remote"
}

extension JSONValue {
    /// A string's text, or the JSON text of anything else but null.
    fileprivate var text: String? {
        switch self {
        case .null: nil
        case .string(let text): text
        default: description
        }
    }
}
