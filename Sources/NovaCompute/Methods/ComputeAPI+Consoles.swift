public import SwitchboardMessaging

/// Consoles and diagnostics of instances.
extension ComputeAPI {
    /// The end of what an instance wrote to its serial console.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - tailLength: how many lines; `nil`: all there are.
    ///   - context: who asks, and through which queue.
    public func consoleOutput(
        of instance: NovaObject, tailLength: Int? = nil, context: RequestContext
    ) async throws -> String {
        try await call(
            "get_console_output", to: host(of: instance), ["instance": instance, "tail_length": tailLength],
            context: context
        ).string
    }

    /// How to connect to an instance's VNC console: host, port, token and the URL for a browser.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - type: `novnc`; old hosts know `xvpvnc` too.
    ///   - context: who asks, and through which queue.
    public func vncConsole(
        of instance: NovaObject, type: String, context: RequestContext
    ) async throws -> JSONObject {
        try await console("get_vnc_console", of: instance, type: type, context: context)
    }

    /// How to connect to an instance's SPICE console: host, port, token and the URL for a browser.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - type: `spice-html5` or `spice-direct`.
    ///   - context: who asks, and through which queue.
    public func spiceConsole(
        of instance: NovaObject, type: String, context: RequestContext
    ) async throws -> JSONObject {
        try await console("get_spice_console", of: instance, type: type, context: context)
    }

    /// How to connect to an instance's MKS console (VMware): host, port, token and the URL for a browser.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - type: `webmks`.
    ///   - context: who asks, and through which queue.
    public func mksConsole(
        of instance: NovaObject, type: String, context: RequestContext
    ) async throws -> JSONObject {
        try await console("get_mks_console", of: instance, type: type, context: context)
    }

    /// How to connect to an instance's serial console: host, port, token and the URL.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - type: `serial`.
    ///   - context: who asks, and through which queue.
    public func serialConsole(
        of instance: NovaObject, type: String, context: RequestContext
    ) async throws -> JSONObject {
        try await console("get_serial_console", of: instance, type: type, context: context)
    }

    private func console(
        _ method: ComputeMethod, of instance: NovaObject, type: String, context: RequestContext
    ) async throws -> JSONObject {
        try await call(
            method, to: host(of: instance), ["instance": instance, "console_type": type], context: context
        ).dictionary
    }

    /// Whether an instance has a console of a type at a port: what a proxy asks before it lets somebody in.
    public func validateConsolePort(
        of instance: NovaObject, port: Int, type: String, context: RequestContext
    ) async throws -> Bool {
        // As text: a compute compares it with text, and no number is ever equal to that.
        try await call(
            ComputeMethod("validate_console_port", topic: .computeAlt), to: host(of: instance),
            ["instance": instance, "port": String(port), "console_type": type], context: context
        ).bool
    }

    /// What the hypervisor says of a running instance, in words of its own.
    public func diagnostics(of instance: NovaObject, context: RequestContext) async throws -> JSONObject {
        try await call("get_diagnostics", to: host(of: instance), ["instance": instance], context: context).dictionary
    }

    /// What the hypervisor says of a running instance, in the words that all have in common: a Diagnostics.
    public func instanceDiagnostics(of instance: NovaObject, context: RequestContext) async throws -> NovaObject {
        try await call("get_instance_diagnostics", to: host(of: instance), ["instance": instance], context: context)
            .object
    }
}
