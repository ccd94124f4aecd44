/// Which names announce that a secret follows: those of options, members and headers.
package enum SecretNames {
    private static let words = [
        "passw", "pswd", "pwd", "passphrase", "adminpass", "userpass", "dbpass", "secret", "token", "credential",
        "apikey", "privatekey", "accesskey", "authkey", "encryptionkey", "authorization",
    ]

    /// Whether a name announces a secret, in any letter case, with or without `_`, `-` and percent-encoding.
    package static func contains(_ name: some Collection<UInt8>) -> Bool {
        var letters: [UInt8] = []
        letters.reserveCapacity(name.count)
        for byte in PercentDecoding.decoded(name) {
            switch byte {
            case 0x41...0x5A: letters.append(byte | 0x20)
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: " "): continue
            default: letters.append(byte)
            }
        }
        if letters.elementsEqual("pass".utf8) { return true }
        return words.contains { word in
            let word = Array(word.utf8)
            guard letters.count >= word.count else { return false }
            return (0...(letters.count - word.count)).contains { letters[$0...].starts(with: word) }
        }
    }
}

/// Percent-decoding that takes everything: a `%` that two hexadecimal digits do not follow stands for itself.
enum PercentDecoding {
    static func decoded(_ text: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            text.formIndex(after: &index)
            if byte == UInt8(ascii: "%"), index < text.endIndex {
                let second = text.index(after: index)
                if second < text.endIndex, let high = value(text[index]), let low = value(text[second]) {
                    bytes.append(high << 4 | low)
                    index = text.index(after: second)
                    continue
                }
            }
            bytes.append(byte)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
