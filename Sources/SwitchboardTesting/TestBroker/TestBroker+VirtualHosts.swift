public import SwitchboardCore

/// Virtual hosts, users and permissions.
extension TestBroker {
    /// Makes a virtual host with a name of its own, and deletes it with all that is in it when `body` ends.
    public func withVirtualHost<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let name = "v-\(Self.randomName(10))"
        try await addVirtualHost(name)
        do {
            let result = try await body(name)
            await deleteQuietly(name)
            return result
        } catch {
            await deleteQuietly(name)
            throw error
        }
    }

    /// The server may be down or paused when a test ends; its virtual hosts then go with it.
    private func deleteQuietly(_ name: String) async {
        if processID != nil {
            try? await deleteVirtualHost(name)
        }
    }

    /// Makes a virtual host in which ``username`` may do everything.
    public func addVirtualHost(_ name: String) async throws {
        _ = try await evaluate("ok = rabbit_vhost:add(\(erlangBinary(name)), \(Self.actor)), [].")
        try await setPermissions(of: username, in: name)
    }

    public func deleteVirtualHost(_ name: String) async throws {
        _ = try await evaluate("ok = rabbit_vhost:delete(\(erlangBinary(name)), \(Self.actor)), [].")
    }

    /// Adds a user who may do nothing yet; see ``setPermissions(of:in:configure:write:read:)``.
    public func addUser(_ name: String, password: Secret) async throws {
        _ = try await evaluate(
            "ok = rabbit_auth_backend_internal:add_user(\(erlangBinary(name)), "
                + "\(erlangBinary(password.reveal())), \(Self.actor)), [].")
    }

    /// Connections that are open stay open.
    public func changePassword(of name: String, to password: Secret) async throws {
        _ = try await evaluate(
            "ok = rabbit_auth_backend_internal:change_password(\(erlangBinary(name)), "
                + "\(erlangBinary(password.reveal())), \(Self.actor)), [].")
    }

    public func deleteUser(_ name: String) async throws {
        _ = try await evaluate(
            "ok = rabbit_auth_backend_internal:delete_user(\(erlangBinary(name)), \(Self.actor)), [].")
    }

    /// Lets a user into a virtual host, with regular expressions of the names that it may configure, write to and read.
    public func setPermissions(
        of user: String, in virtualHost: String, configure: String = ".*", write: String = ".*", read: String = ".*"
    ) async throws {
        _ = try await evaluate(
            "ok = rabbit_auth_backend_internal:set_permissions(\(erlangBinary(user)), \(erlangBinary(virtualHost)), "
                + "\(erlangBinary(configure)), \(erlangBinary(write)), \(erlangBinary(read)), \(Self.actor)), [].")
    }

    /// Who the server's internal events say did it.
    static let actor = "<<\"switchboard-tests\">>"
}
