/// Masks what looks like a secret in JSON, by the names of the members.
///
/// The names are those of `oslo_utils.strutils.mask_dict_password`: a member whose name holds one of them has its value
/// replaced, whatever its type but an object, which is looked through. So is text that is JSON itself. Secrets inside of
/// free text are not found.
enum PasswordMask {
    private static let names = [
        "pass", "pswd", "secret", "token", "credential", "configdrive", "encrypted_key", "private_key", "fernetkey",
        "sslkey", "sshkey", "cephclusterfsid", "octaviaheartbeatkey", "rabbitcookie", "clientkey", "authkey", "rndckey",
        "adminkey", "encryptionkey", "cephrgwkey", "simplecryptokek", "swifthash", "cephmdskey", "cephmonkey",
    ]

    static func masked(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            var masked = JSONObject()
            masked.reserveCapacity(object.count)
            for (key, value) in object {
                if case .object = value {
                    masked.append(key: key, value: self.masked(value))
                } else if value != .null, isSecret(key) {
                    masked.append(key: key, value: "***")
                } else {
                    masked.append(key: key, value: self.masked(value))
                }
            }
            return .object(masked)
        case .array(let elements):
            return .array(elements.map(masked))
        case .string(let text) where text.hasPrefix("{") || text.hasPrefix("["):
            guard let value = try? JSONValue(parsing: text) else { return value }
            return .string(masked(value).description)
        default:
            return value
        }
    }

    private static func isSecret(_ key: String) -> Bool {
        let key = key.lowercased()
        return names.contains { key.contains($0) }
    }
}
