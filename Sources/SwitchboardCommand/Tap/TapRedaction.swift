import SwitchboardCore
import SwitchboardMessaging

/// What is shown of values that pass: passwords, tokens and keys are masked, whatever they are in.
///
/// Masked are the values of names that announce a secret, values that stand beside such a name (`{"name": "password", "value": …}`),
/// and the passwords of URLs in any text; in JSON inside text too. In doubt too much is masked.
struct TapRedaction: Sendable {
    private let names: Set<String>

    /// - Parameter names: others than those known, in any letter case.
    init(_ names: [String] = []) {
        self.names = Set(names.map(Self.plain))
    }

    private static let mask = JSONValue.string("***")
    private static let deepest = 64

    /// What a server boots with is written by users, who put keys there.
    private static let ownNames: Set<String> = [
        "userdata", "injectedfiles", "files", "personality", "keydata", "servicecatalog", "authplugin", "cookie",
        "ticket",
        "console", "consoleauth", "signature", "fernetkey", "sshkey", "cert", "certificate", "chapsecret",
    ]

    func isSecret(_ name: String) -> Bool {
        let plain = Self.plain(name)
        return names.contains(plain) || Self.ownNames.contains(plain) || plain.hasSuffix("pass")
            || SecretNames.contains(name.utf8)
    }

    private static func plain(_ name: String) -> String {
        String(
            decoding: name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") },
            as: UTF8.self)
    }

    func redacted(_ value: JSONValue) -> JSONValue { redacted(value, depth: 0) }

    func redacted(_ object: JSONObject) -> JSONObject { redacted(object, depth: 0) }

    /// A text that may hold anything.
    func redacted(_ text: String) -> String { redacted(text, depth: 0) }

    /// A message with the same ids, and redacted contents; one that can't be read loses its body.
    func redacted(_ message: Message) -> Message {
        do throws(WireError) {
            return try message.rewritten { redacted($0, depth: 0, isMessage: true) }
        } catch {
            var message = message
            message.body = []
            message.headers["compression"] = nil
            return message
        }
    }

    private func redacted(_ value: JSONValue, depth: Int) -> JSONValue {
        guard depth < Self.deepest else { return Self.mask }
        return switch value {
        case .null, .bool, .integer, .number, .double: value
        case .string(let text): .string(redacted(text, depth: depth))
        case .array(let elements): .array(redacted(elements, depth: depth))
        case .object(let object): .object(redacted(object, depth: depth))
        }
    }

    /// A pair in an array is a name and its value too: headers, options.
    private func redacted(_ elements: [JSONValue], depth: Int) -> [JSONValue] {
        if elements.count == 2, let name = elements[0].string, isSecret(name) { return [elements[0], Self.mask] }
        return elements.map { redacted($0, depth: depth + 1) }
    }

    private func redacted(_ object: JSONObject, depth: Int, isMessage: Bool = false) -> JSONObject {
        let announced = ["name", "key", "field", "option", "header"].compactMap { object[$0]?.string }.contains(
            where: isSecret)
        var result = JSONObject()
        result.reserveCapacity(object.count)
        for (key, value) in object {
            // Ids join what belongs together, and are nobody's secret.
            let isKept = isMessage && Self.ids.contains(key)
            let isMasked =
                !isKept && (isSecret(key) || announced && (key == "value" || key == "values" || key == "data"))
            if isMessage, key == Self.catalog, case .array = value {
                // Servers read it, so it stays a list.
                result.append(key: key, value: .array([]))
                continue
            }
            let shown = isKept ? value : isMasked ? Self.masked(value) : redacted(value, depth: depth + 1)
            result.append(key: shownName(key), value: shown)
        }
        return result
    }

    /// `null` and booleans say whether there is something, and no more.
    private static func masked(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool: value
        default: mask
        }
    }

    private static let catalog = "_context_service_catalog"

    private static let ids: Set<String> = [
        "_msg_id", "_reply_q", "_unique_id", "message_id", "method", "version", "event_type",
    ]

    /// A name may be a URL.
    private func shownName(_ name: String) -> String { name.utf8.count < 256 ? Secret.masked(in: name) : "***" }

    private func redacted(_ text: String, depth: Int) -> String {
        let start = text.utf8.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x09 && $0 != 0x0D }
        if start == UInt8(ascii: "{") || start == UInt8(ascii: "["), let value = try? JSONValue(parsing: text) {
            return redacted(value, depth: depth + 1).description
        }
        if text.contains("PRIVATE KEY") { return "***" }
        return Secret.masked(in: text)
    }
}
