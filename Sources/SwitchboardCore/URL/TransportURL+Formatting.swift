extension TransportURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL with every password masked.
    public var description: String {
        formatted(revealingSecrets: false)
    }

    public var debugDescription: String {
        description
    }

    public var customMirror: Mirror {
        Mirror(self, children: ["url": description])
    }

    /// The URL as text. With `revealingSecrets` it parses back into an equal value.
    public func formatted(revealingSecrets: Bool) -> String {
        var text = "\(scheme)://"
        text += hosts.map { $0.formatted(revealingSecrets: revealingSecrets) }.joined(separator: ",")
        if let virtualHost {
            text += "/" + virtualHost.percentEncoded { $0 == UInt8(ascii: "/") }
        }
        if !options.isEmpty {
            text += "?"
            text += options.map { $0.formatted(revealingSecrets: revealingSecrets) }.joined(separator: "&")
        }
        return text
    }
}

extension TransportURL.Host: CustomStringConvertible {
    /// The host with its password masked.
    public var description: String {
        formatted(revealingSecrets: false)
    }

    fileprivate func formatted(revealingSecrets: Bool) -> String {
        var text = ""
        if username != nil || password != nil {
            text += (username ?? "").percentEncoded()
            if let password {
                text += ":" + (revealingSecrets ? password.reveal().percentEncoded() : Secret.mask)
            }
            text += "@"
        }
        text += HostName.isIPv6(name) ? "[\(name.percentEncoded { $0 != 0x25 })]" : name.percentEncoded(HostName.takes)
        if let port {
            text += ":\(port)"
        }
        return text
    }
}

extension TransportURL.Option {
    /// Whether the value is masked: its name speaks of a password, passphrase, secret, token or credential.
    public var isSecret: Bool {
        let name = name.lowercased()
        return ["passw", "pwd", "passphrase", "secret", "token", "credential"].contains { name.contains($0) }
    }

    fileprivate func formatted(revealingSecrets: Bool) -> String {
        let value = isSecret && !revealingSecrets ? Secret.mask : value.percentEncoded()
        return "\(name.percentEncoded())=\(value)"
    }
}

extension TransportURL.Option: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The option as in a URL, its value masked when it is a secret.
    public var description: String {
        formatted(revealingSecrets: false)
    }

    public var debugDescription: String {
        description
    }

    public var customMirror: Mirror {
        Mirror(self, children: ["name": name, "value": isSecret ? Secret.mask : value])
    }
}

extension String {
    /// Percent-encodes all but RFC 3986's unreserved characters and those that `keeps` takes.
    fileprivate func percentEncoded(_ keeps: (UInt8) -> Bool = { _ in false }) -> String {
        var encoded: [UInt8] = []
        for byte in utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.append(byte)
            case _ where keeps(byte):
                encoded.append(byte)
            default:
                let digits = Array("0123456789ABCDEF".utf8)
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
