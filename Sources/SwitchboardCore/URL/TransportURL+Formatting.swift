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

    /// Returns the URL as text. With `revealingSecrets`, parsing it gives an equal value.
    public func formatted(revealingSecrets: Bool) -> String {
        var text = "\(scheme)://"
        text += hosts.map { $0.formatted(revealingSecrets: revealingSecrets) }.joined(separator: ",")
        if let virtualHost {
            text +=
                "/"
                + virtualHost.shown(revealingSecrets).percentEncoded {
                    $0 == .slash || (!revealingSecrets && $0.isOfMask)
                }
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
            // A `:` in a user name without a password is most likely what was to separate them.
            let hidesPassword = password == nil && !revealingSecrets
            text += hidesPassword ? (username ?? "").hidingTail() : (username ?? "").percentEncoded()
            if let password {
                text += ":" + (revealingSecrets ? password.reveal().percentEncoded() : Secret.mask)
            }
            text += "@"
        }
        if HostName.isIPv6(name) {
            text += "[\(name.percentEncoded { $0 != 0x25 })]"
        } else {
            text += name.shown(revealingSecrets).percentEncoded(HostName.takes)
        }
        if let port {
            text += ":\(port)"
        }
        return text
    }
}

extension TransportURL.Option {
    /// Whether the value is masked, because its name suggests a password, passphrase, secret, token, credential or key.
    public var isSecret: Bool {
        SecretNames.contains(Array(name.utf8))
    }

    fileprivate func formatted(revealingSecrets: Bool) -> String {
        if revealingSecrets { return "\(name.percentEncoded())=\(value.percentEncoded())" }
        let value = isSecret ? Secret.mask : value.shown(false).percentEncoded(\.isOfMask)
        return "\(name.shown(false).percentEncoded(\.isOfMask))=\(value)"
    }
}

extension TransportURL.Option: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The option as in a URL, with its value masked if it is a secret.
    public var description: String {
        formatted(revealingSecrets: false)
    }

    public var debugDescription: String {
        description
    }

    public var customMirror: Mirror {
        Mirror(self, children: ["name": name.shown(false), "value": isSecret ? Secret.mask : value.shown(false)])
    }
}

extension String {
    /// A part of a URL that is no secret by itself, with what looks like credentials in it masked.
    fileprivate func shown(_ revealingSecrets: Bool) -> String {
        revealingSecrets ? self : Secret.masked(in: self)
    }

    /// Percent-encoded, and masked behind a `:`.
    fileprivate func hidingTail() -> String {
        guard let colon = utf8.firstIndex(of: .colon) else { return percentEncoded() }
        return String(decoding: utf8[..<colon], as: UTF8.self).percentEncoded() + ":" + Secret.mask
    }

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

extension UInt8 {
    fileprivate var isOfMask: Bool { self == UInt8(ascii: "*") }
}
