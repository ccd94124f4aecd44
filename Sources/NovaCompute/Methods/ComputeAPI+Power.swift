public import SwitchboardCore
public import SwitchboardMessaging

/// Running, pausing and stopping instances.
extension ComputeAPI {
    /// Powers an instance on. Returns once the request is on its way.
    public func startInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("start_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Powers an instance off.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - waiting: whether to wait until it is off; otherwise this returns once the request is on its way.
    ///   - cleanShutdown: whether the guest may shut down by itself first.
    ///   - context: who asks, and through which queue.
    public func stopInstance(
        _ instance: NovaObject, waiting: Bool = false, cleanShutdown: Bool = true, context: RequestContext
    ) async throws {
        let method: ComputeMethod = "stop_instance"
        let arguments: ComputeArguments = ["instance": instance, "clean_shutdown": cleanShutdown]
        if waiting {
            try await call(method, to: host(of: instance), arguments, context: context)
        } else {
            try await cast(method, to: host(of: instance), arguments, context: context)
        }
    }

    /// Reboots an instance. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - type: `SOFT` or `HARD`.
    ///   - blockDeviceInfo: the instance's volumes; `nil` lets the compute look.
    ///   - context: who asks, and through which queue.
    public func rebootInstance(
        _ instance: NovaObject, type: String, blockDeviceInfo: JSONObject? = nil, context: RequestContext
    ) async throws {
        try await cast(
            "reboot_instance", to: host(of: instance),
            ["instance": instance, "block_device_info": blockDeviceInfo, "reboot_type": type], context: context)
    }

    /// Freezes an instance in memory. Returns once the request is on its way.
    public func pauseInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("pause_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Lets a paused instance go on. Returns once the request is on its way.
    public func unpauseInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("unpause_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Writes an instance's memory to disk and stops it. Returns once the request is on its way.
    public func suspendInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("suspend_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Lets a suspended instance go on. Returns once the request is on its way.
    public func resumeInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("resume_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Boots an instance from a rescue image, with its own disk beside it. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - password: the rescue system's password of the administrator.
    ///   - imageID: the rescue image; `nil`: the one that the compute is configured with, or the instance's.
    ///   - cleanShutdown: whether the guest may shut down by itself first.
    ///   - context: who asks, and through which queue.
    public func rescueInstance(
        _ instance: NovaObject, password: Secret?, imageID: String? = nil, cleanShutdown: Bool = true,
        context: RequestContext
    ) async throws {
        try await cast(
            "rescue_instance", to: host(of: instance),
            [
                "rescue_password": password, "clean_shutdown": cleanShutdown, "rescue_image_ref": imageID,
                "instance": instance,
            ], context: context)
    }

    /// Boots a rescued instance from its own disk again. Returns once the request is on its way.
    public func unrescueInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("unrescue_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Deletes an instance so that it can be restored. Returns once the request is on its way.
    public func softDeleteInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("soft_delete_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Restores a soft-deleted instance. Returns once the request is on its way.
    public func restoreInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("restore_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Deletes an instance for good. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - blockDevices: a BlockDeviceMappingList.
    ///   - context: who asks, and through which queue.
    public func terminateInstance(
        _ instance: NovaObject, blockDevices: NovaObject, context: RequestContext
    ) async throws {
        try await cast(
            "terminate_instance", to: host(of: instance), ["instance": instance, "bdms": blockDevices],
            context: context)
    }

    /// Makes the guest's kernel dump itself. Returns once the request is on its way.
    public func triggerCrashDump(_ instance: NovaObject, context: RequestContext) async throws {
        try await cast("trigger_crash_dump", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Sets the password of the guest's administrator, and waits until the guest has it.
    public func setAdminPassword(
        _ instance: NovaObject, password: Secret?, context: RequestContext
    ) async throws {
        try await call(
            "set_admin_password", to: host(of: instance), ["instance": instance, "new_pass": password],
            context: context)
    }
}
