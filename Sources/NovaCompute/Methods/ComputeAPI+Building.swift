public import SwitchboardCore
public import SwitchboardMessaging

/// Making, remaking and shelving instances.
extension ComputeAPI {
    /// Builds an instance on a host, and runs it. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - host: the host.
    ///   - image: the image's properties; empty for an instance that boots from a volume.
    ///   - requestSpec: the RequestSpec that the scheduler found the host by.
    ///   - filterProperties: what a reschedule needs of the scheduler's first answer.
    ///   - adminPassword: the administrator's password.
    ///   - injectedFiles: pairs of a path and its content in Base64.
    ///   - requestedNetworks: a NetworkRequestList.
    ///   - securityGroups: the names of the security groups.
    ///   - blockDevices: a BlockDeviceMappingList.
    ///   - node: the hypervisor's node on the host.
    ///   - limits: a SchedulerLimits; a compute gets the values that are set, as a dictionary.
    ///   - alternatives: Selections of other hosts, to try when this one fails.
    ///   - acceleratorRequests: ids of accelerator requests; refused below 5.11 when there are any.
    ///   - context: who asks, and through which queue.
    public func buildAndRunInstance(
        _ instance: NovaObject, on host: String, image: JSONObject, requestSpec: NovaObject,
        filterProperties: JSONObject, adminPassword: Secret? = nil, injectedFiles: [JSONValue]? = nil,
        requestedNetworks: NovaObject? = nil, securityGroups: [String]? = nil, blockDevices: NovaObject? = nil,
        node: String? = nil, limits: NovaObject? = nil, alternatives: [NovaObject]? = nil,
        acceleratorRequests: [String]? = nil, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("build_and_run_instance", versions: ["6.0", "5.11", "5.0"]), to: host, context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "image": image, "request_spec": requestSpec,
                "filter_properties": filterProperties, "admin_password": adminPassword,
                "injected_files": injectedFiles, "requested_networks": requestedNetworks,
                "security_groups": securityGroups, "block_device_mapping": blockDevices, "node": node,
                "limits": limits?.setValues, "host_list": alternatives,
            ]
            try arguments.add("accel_uuids", acceleratorRequests, since: "5.11", sending: version)
            return arguments
        }
    }

    /// Builds an instance anew: from another image on its host, or on another host when its own is gone (evacuation).
    /// Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - host: `nil`: the instance's own.
    ///   - newPassword: the administrator's new password.
    ///   - injectedFiles: pairs of a path and its content in Base64.
    ///   - imageID: the image to build from; `originalImageID` the one it was built from.
    ///   - originalImageID: the image that the instance was built from.
    ///   - originalSystemMetadata: the instance's system metadata before.
    ///   - blockDevices: a BlockDeviceMappingList.
    ///   - evacuates: whether the instance's own host is gone.
    ///   - isOnSharedStorage: for an evacuation, whether the disks are still there; `nil` lets the compute look.
    ///   - preservesEphemeral: whether the ephemeral disk is kept.
    ///   - migration: the Migration.
    ///   - node: the hypervisor's node on the host.
    ///   - limits: a SchedulerLimits; a compute gets the values that are set, as a dictionary.
    ///   - requestSpec: the RequestSpec of the instance.
    ///   - acceleratorRequests: ids of accelerator requests; refused below 5.12 when there are any.
    ///   - reimagesBootVolume: whether a boot volume gets the new image; refused below 6.1 when true.
    ///   - targetState: the state after an evacuation, such as `stopped`; refused below 6.2 when given.
    ///   - context: who asks, and through which queue.
    public func rebuildInstance(
        _ instance: NovaObject, on host: String? = nil, newPassword: Secret?, injectedFiles: [JSONValue]?,
        imageID: String?, originalImageID: String?, originalSystemMetadata: JSONObject?, blockDevices: NovaObject?,
        evacuates: Bool = false, isOnSharedStorage: Bool? = nil, preservesEphemeral: Bool = false,
        migration: NovaObject? = nil, node: String? = nil, limits: NovaObject? = nil, requestSpec: NovaObject?,
        acceleratorRequests: [String]? = [], reimagesBootVolume: Bool = false, targetState: String? = nil,
        context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("rebuild_instance", versions: ["6.2", "6.1", "6.0", "5.12", "5.0"]),
            to: self.host(host, of: instance), context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "new_pass": newPassword, "injected_files": injectedFiles, "image_ref": imageID,
                "orig_image_ref": originalImageID, "orig_sys_metadata": originalSystemMetadata, "bdms": blockDevices,
                "recreate": evacuates, "on_shared_storage": isOnSharedStorage,
                "preserve_ephemeral": preservesEphemeral, "migration": migration, "scheduled_node": node,
                "limits": limits?.setValues, "request_spec": requestSpec,
            ]
            try arguments.add("accel_uuids", acceleratorRequests, since: "5.12", sending: version)
            try arguments.add("reimage_boot_volume", reimagesBootVolume, since: "6.1", sending: version)
            try arguments.add("target_state", targetState, since: "6.2", sending: version)
            return arguments
        }
    }

    /// Stops an instance and keeps it as an image. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - imageID: the image to fill; `nil` for an instance that boots from a volume.
    ///   - cleanShutdown: whether the guest may shut down by itself first.
    ///   - acceleratorRequests: ids of accelerator requests; refused below 5.13 when there are any.
    ///   - context: who asks, and through which queue.
    public func shelveInstance(
        _ instance: NovaObject, imageID: String? = nil, cleanShutdown: Bool = true,
        acceleratorRequests: [String]? = nil, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("shelve_instance", versions: ["6.0", "5.13", "5.0"]), to: host(of: instance),
            context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "image_id": imageID, "clean_shutdown": cleanShutdown,
            ]
            try arguments.add("accel_uuids", acceleratorRequests, since: "5.13", sending: version)
            return arguments
        }
    }

    /// Takes a shelved instance off its host. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - cleanShutdown: whether the guest may shut down by itself first.
    ///   - acceleratorRequests: ids of accelerator requests; refused below 5.13 when there are any.
    ///   - context: who asks, and through which queue.
    public func shelveOffloadInstance(
        _ instance: NovaObject, cleanShutdown: Bool = true, acceleratorRequests: [String]? = nil,
        context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("shelve_offload_instance", versions: ["6.0", "5.13", "5.0"]), to: host(of: instance),
            context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance, "clean_shutdown": cleanShutdown]
            try arguments.add("accel_uuids", acceleratorRequests, since: "5.13", sending: version)
            return arguments
        }
    }

    /// Runs a shelved instance again, on a host. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - host: the host.
    ///   - requestSpec: the RequestSpec that the scheduler found the host by; hosts before 5.2 are not sent it.
    ///   - image: the properties of the image that holds the instance; `nil` when it was not offloaded.
    ///   - filterProperties: the scheduler's filter properties.
    ///   - node: the hypervisor's node on the host.
    ///   - acceleratorRequests: ids of accelerator requests; refused below 5.13 when there are any.
    ///   - context: who asks, and through which queue.
    public func unshelveInstance(
        _ instance: NovaObject, on host: String, requestSpec: NovaObject, image: JSONObject? = nil,
        filterProperties: JSONObject? = nil, node: String? = nil, acceleratorRequests: [String]? = nil,
        context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("unshelve_instance", versions: ["6.0", "5.13", "5.2", "5.0"]), to: host, context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "image": image, "filter_properties": filterProperties, "node": node,
            ]
            if version >= "5.2" { arguments.set("request_spec", requestSpec) }
            try arguments.add("accel_uuids", acceleratorRequests, since: "5.13", sending: version)
            return arguments
        }
    }

    /// Makes an image of an instance. Returns once the request is on its way.
    public func snapshotInstance(_ instance: NovaObject, imageID: String, context: RequestContext) async throws {
        try await cast(
            "snapshot_instance", to: host(of: instance), ["instance": instance, "image_id": imageID],
            context: context)
    }

    /// Makes an image of an instance, and deletes the oldest backups of its type. Returns once the request is on its
    /// way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - imageID: the image to write to.
    ///   - type: such as `daily`.
    ///   - rotation: how many backups of the type to keep.
    ///   - context: who asks, and through which queue.
    public func backupInstance(
        _ instance: NovaObject, imageID: String, type: String, rotation: Int, context: RequestContext
    ) async throws {
        try await cast(
            "backup_instance", to: host(of: instance),
            ["instance": instance, "image_id": imageID, "backup_type": type, "rotation": rotation], context: context)
    }
}

extension NovaObject {
    /// The fields that are not `null`, as Nova turns its SchedulerLimits into what computes take.
    fileprivate var setValues: JSONObject {
        var values = JSONObject()
        for (field, value) in fields where value != .null { values.append(key: field, value: value) }
        return values
    }
}
