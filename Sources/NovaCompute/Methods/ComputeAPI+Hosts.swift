public import SwitchboardMessaging

/// Hosts themselves.
extension ComputeAPI {
    /// The output of the host's `uptime`.
    public func hostUptime(of host: String, context: RequestContext) async throws -> String {
        try await call("get_host_uptime", to: host, context: context).string
    }

    /// Opens or closes a host for new instances; returns the new state, `enabled` or `disabled`. A long call.
    public func setHostEnabled(_ isEnabled: Bool, on host: String, context: RequestContext) async throws -> String {
        try await call(
            ComputeMethod("set_host_enabled", isLong: true), to: host, ["enabled": isEnabled], context: context
        ).string
    }

    /// Powers a host, not an instance, off or on; returns what the hypervisor says of it.
    ///
    /// - Parameters:
    ///   - action: `startup`, `shutdown` or `reboot`.
    ///   - host: the host.
    ///   - context: who asks, and through which queue.
    @discardableResult
    public func hostPowerAction(
        _ action: String, on host: String, context: RequestContext
    ) async throws -> String? {
        try await call("host_power_action", to: host, ["action": action], context: context).optionalString
    }

    /// Starts or ends the maintenance of a host; returns what the hypervisor says of it.
    ///
    /// - Parameters:
    ///   - isOn: whether maintenance mode is turned on.
    ///   - subject: the host in question, which need not be the one that is asked.
    ///   - host: the host.
    ///   - context: who asks, and through which queue.
    @discardableResult
    public func hostMaintenanceMode(
        _ isOn: Bool, for subject: String, on host: String, context: RequestContext
    ) async throws -> String? {
        try await call(
            "host_maintenance_mode", to: host, ["host": subject, "mode": isOn], context: context
        ).optionalString
    }

    /// Downloads images to a host before instances need them; returns for each image whether it was `cached`, was there
    /// already (`existing`), failed (`error`) or is not supported (`unsupported`). A long call. Needs 5.4.
    public func cacheImages(_ imageIDs: [String], on host: String, context: RequestContext) async throws -> JSONObject {
        try await call(
            ComputeMethod("cache_images", versions: ["6.0", "5.4"], isLong: true), to: host,
            ["image_ids": imageIDs], context: context
        ).dictionary
    }
}
