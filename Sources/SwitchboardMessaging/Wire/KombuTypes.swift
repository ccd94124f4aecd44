/// The typed values that kombu writes into bodies without an envelope: `{"__type__": …, "__value__": …}`
/// (oslo-wire.md §3.5).
///
/// They are made what they are in an envelope: plain text (oslo-wire.md §3.7). An offset from UTC stays, where
/// oslo.messaging's envelope drops it; what is Base64 stays Base64.
enum KombuTypes {
    /// The value without typed values. Throws for a type that there is not, as kombu rejects the whole message.
    static func plain(_ value: JSONValue) throws(WireError) -> JSONValue {
        switch value {
        case .array(let elements):
            var plains: [JSONValue] = []
            plains.reserveCapacity(elements.count)
            for element in elements { plains.append(try plain(element)) }
            return .array(plains)
        case .object(let object):
            if object.count == 2, let type = object["__type__"], let value = object["__value__"] {
                return try decode(type, value)
            }
            var plains = JSONObject()
            plains.reserveCapacity(object.count)
            for (key, value) in object { plains.append(key: key, value: try plain(value)) }
            return .object(plains)
        default:
            return value
        }
    }

    private static func decode(_ type: JSONValue, _ value: JSONValue) throws(WireError) -> JSONValue {
        switch type.string {
        case "datetime":
            guard case .string(let text) = value else { break }
            return .string(withFraction(text))
        case "date", "time", "decimal", "bytes", "base64":
            guard case .string = value else { break }
            return value
        case "uuid":
            guard let digits = value["hex"]?.string.map({ Array($0.utf8.filter { $0 != UInt8(ascii: "-") }) }),
                digits.count == 32, digits.allSatisfy(isHexadecimal)
            else { break }
            var text: [UInt8] = []
            for (index, digit) in digits.enumerated() {
                if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
                text.append(digit | 0x20)
            }
            return .string(String(decoding: text, as: UTF8.self))
        default:
            throw WireError("The body has a value of the type \(type), which kombu does not have.")
        }
        throw WireError("The body has a value of kombu's type \(type) that is none.")
    }

    /// A date and time with the six digits of fraction that oslo.messaging writes always, and kombu only where they are
    /// not zero. One with an offset stays as it is.
    private static func withFraction(_ text: String) -> String {
        let utf8 = text.utf8
        guard utf8.count == 19, utf8.dropFirst(16).first == UInt8(ascii: ":") else { return text }
        return text + ".000000"
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}
