internal import SwitchboardCells

/// The options behind the `?` of a URL, as far as they mean something to a client that isn't Python's.
struct MariaDBOptions {
    private var values: [String: String] = [:]
    private var repeated: Set<String> = []

    init(_ options: [(name: String, value: String)]) {
        for (name, value) in options {
            if values.updateValue(value, forKey: name) != nil { repeated.insert(name) }
        }
    }

    mutating func apply(to address: inout MariaDBAddress) throws(CellError) {
        address.unixSocket = try take("unix_socket")
        address.connectTimeout = try takeTimeout("connect_timeout")
        address.readTimeout = try takeTimeout("read_timeout")
        address.writeTimeout = try takeTimeout("write_timeout")
        let tls = try takeTLS()
        // What doesn't leave the machine needs no TLS.
        address.tls = address.unixSocket == nil ? tls : nil
        // The connection is of utf8mb4 whatever they say: it has every character that the others have.
        for name in ["charset", "use_unicode"] { values[name] = nil }
        for name in values.keys.sorted() where name.hasPrefix("ssl") || name.hasPrefix("tls") {
            throw MariaDBAddress.invalid(
                "the option \(name) is not known, and one about TLS is never ignored; there are ssl, ssl_ca, ssl_capath, "
                    + "ssl_cert, ssl_key, ssl_cipher, ssl_verify_cert, ssl_verify_identity, ssl_check_hostname, ssl_mode "
                    + "and ssl_disabled")
        }
        address.ignoredOptions = values.keys.sorted()
    }

    private mutating func take(_ name: String) throws(CellError) -> String? {
        guard let value = values.removeValue(forKey: name) else { return nil }
        guard !repeated.contains(name) else { throw MariaDBAddress.invalid("it has the option \(name) more than once") }
        guard !value.utf8.contains(0) else { throw MariaDBAddress.invalid("its option \(name) contains a NUL byte") }
        return value
    }

    private mutating func takeTimeout(_ name: String) throws(CellError) -> Duration? {
        guard let text = try take(name) else { return nil }
        guard let seconds = Int(text), (1...86_400).contains(seconds) else {
            throw MariaDBAddress.invalid("its option \(name) is not a number of seconds from 1 to 86400")
        }
        return .seconds(seconds)
    }

    /// The spellings that SQLAlchemy and PyMySQL take.
    private mutating func takeFlag(_ name: String) throws(CellError) -> Bool? {
        guard let text = try take(name) else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on", "y", "t", "1", "required": return true
        case "false", "no", "off", "n", "f", "0", "none": return false
        default: throw MariaDBAddress.invalid("its option \(name) is neither true nor false")
        }
    }

    private mutating func takeTLS() throws(CellError) -> MariaDBAddress.TLS? {
        let isDisabled = try takeFlag("ssl_disabled")
        let isAsked = try takeFlag("ssl")
        let mode = try take("ssl_mode")?.uppercased().replacing("-", with: "_")
        let verifiesAuthority = try takeFlag("ssl_verify_cert")
        let checksName = try takeFlag("ssl_check_hostname")
        let verifiesIdentity = try takeFlag("ssl_verify_identity") ?? checksName
        var tls = MariaDBAddress.TLS()
        tls.authority = try take("ssl_ca")
        tls.authorities = try take("ssl_capath")
        tls.certificate = try take("ssl_cert")
        tls.key = try take("ssl_key")
        tls.cipher = try take("ssl_cipher")
        var isUsed =
            tls != MariaDBAddress.TLS() || isAsked == true || verifiesAuthority != nil || verifiesIdentity != nil
        switch mode {
        case nil, "DISABLED": break
        case "REQUIRED", "VERIFY_IDENTITY": isUsed = true
        case "VERIFY_CA":
            isUsed = true
            tls.verification = .authority
        case "PREFERRED":
            throw MariaDBAddress.invalid(
                "ssl_mode=PREFERRED lets anybody between here and the server switch TLS off; say REQUIRED or DISABLED")
        default:
            throw MariaDBAddress.invalid(
                "ssl_mode is none of DISABLED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY")
        }
        let isRefused = isDisabled == true || isAsked == false || mode == "DISABLED"
        if isRefused {
            guard !isUsed else {
                throw MariaDBAddress.invalid("one of its options switches TLS off, and another one says how to use it")
            }
            return nil
        }
        guard isUsed else { return nil }
        if verifiesIdentity == false { tls.verification = .authority }
        if verifiesAuthority == false { tls.verification = .none }
        guard tls.verification != .authority || tls.authority != nil || tls.authorities != nil else {
            throw MariaDBAddress.invalid("a certificate whose host isn't checked needs ssl_ca or ssl_capath")
        }
        guard (tls.certificate == nil) == (tls.key == nil) else {
            throw MariaDBAddress.invalid("ssl_cert and ssl_key are given together, or not at all")
        }
        return tls
    }
}
