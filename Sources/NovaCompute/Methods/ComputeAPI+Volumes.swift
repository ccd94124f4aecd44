public import SwitchboardMessaging

/// Volumes and shares of instances.
extension ComputeAPI {
    /// Attaches a volume to an instance. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - blockDevice: the BlockDeviceMapping that
    ///     ``reserveBlockDeviceName(of:device:volumeID:diskBus:deviceType:tag:isMultiattach:context:)`` returned.
    ///   - context: who asks, and through which queue.
    public func attachVolume(
        to instance: NovaObject, blockDevice: NovaObject, context: RequestContext
    ) async throws {
        try await cast(
            "attach_volume", to: host(of: instance), ["instance": instance, "bdm": blockDevice], context: context)
    }

    /// Detaches a volume from an instance. Returns once the request is on its way.
    public func detachVolume(
        from instance: NovaObject, volumeID: String, attachmentID: String? = nil, context: RequestContext
    ) async throws {
        try await cast(
            "detach_volume", to: host(of: instance),
            ["instance": instance, "volume_id": volumeID, "attachment_id": attachmentID], context: context)
    }

    /// Replaces a volume of an instance by a copy of it. Returns once the request is on its way.
    public func swapVolume(
        of instance: NovaObject, oldVolumeID: String, newVolumeID: String, newAttachmentID: String?,
        context: RequestContext
    ) async throws {
        try await cast(
            "swap_volume", to: host(of: instance),
            [
                "instance": instance, "old_volume_id": oldVolumeID, "new_volume_id": newVolumeID,
                "new_attachment_id": newAttachmentID,
            ], context: context)
    }

    /// Disconnects a host from a volume, after a migration there failed, and waits until it has.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - volumeID: the volume.
    ///   - host: the host.
    ///   - deletesAttachment: whether the host deletes the volume's attachment too. Hosts before 6.3 never do: they are
    ///     not sent it, and the caller deletes it itself.
    ///   - context: who asks, and through which queue.
    public func removeVolumeConnection(
        of instance: NovaObject, volumeID: String, on host: String, deletesAttachment: Bool = false,
        context: RequestContext
    ) async throws {
        try await call(
            ComputeMethod("remove_volume_connection", versions: ["6.3", "6.0", "5.0"], topic: .computeAlt), to: host,
            context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance, "volume_id": volumeID]
            if version >= "6.3" { arguments.set("delete_attachment", deletesAttachment) }
            return arguments
        }
    }

    /// Reserves a device name for a volume; returns the BlockDeviceMapping made for it. A long call.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - device: such as `/dev/vdc`; `nil` lets the compute choose.
    ///   - volumeID: the volume.
    ///   - diskBus: the bus of the device.
    ///   - deviceType: the type of the device.
    ///   - tag: a name for the device that the guest sees.
    ///   - isMultiattach: whether the volume may be attached to several instances.
    ///   - context: who asks, and through which queue.
    public func reserveBlockDeviceName(
        of instance: NovaObject, device: String?, volumeID: String, diskBus: String?, deviceType: String?,
        tag: String?, isMultiattach: Bool, context: RequestContext
    ) async throws -> NovaObject {
        try await call(
            ComputeMethod("reserve_block_device_name", isLong: true), to: host(of: instance),
            [
                "instance": instance, "device": device, "volume_id": volumeID, "disk_bus": diskBus,
                "device_type": deviceType, "tag": tag, "multiattach": isMultiattach,
            ], context: context
        ).object
    }

    /// Makes a snapshot of a volume with the hypervisor's means. Returns once the request is on its way.
    public func createVolumeSnapshot(
        of instance: NovaObject, volumeID: String, createInfo: JSONObject, context: RequestContext
    ) async throws {
        try await cast(
            "volume_snapshot_create", to: host(of: instance),
            ["instance": instance, "volume_id": volumeID, "create_info": createInfo], context: context)
    }

    /// Deletes a snapshot of a volume with the hypervisor's means. Returns once the request is on its way.
    public func deleteVolumeSnapshot(
        of instance: NovaObject, volumeID: String, snapshotID: String, deleteInfo: JSONObject,
        context: RequestContext
    ) async throws {
        try await cast(
            "volume_snapshot_delete", to: host(of: instance),
            [
                "instance": instance, "volume_id": volumeID, "snapshot_id": snapshotID, "delete_info": deleteInfo,
            ], context: context)
    }

    /// Makes the guest write its file systems out and hold still, and waits until it does.
    public func quiesceInstance(_ instance: NovaObject, context: RequestContext) async throws {
        try await call("quiesce_instance", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Ends what ``quiesceInstance(_:context:)`` began. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - mapping: the instance's volumes, to wait for their snapshots first.
    ///   - context: who asks, and through which queue.
    public func unquiesceInstance(
        _ instance: NovaObject, mapping: JSONValue? = nil, context: RequestContext
    ) async throws {
        try await cast(
            "unquiesce_instance", to: host(of: instance), ["instance": instance, "mapping": mapping],
            context: context)
    }

    /// Lets a host mount a share for an instance. Returns once the request is on its way. Needs 6.4.
    ///
    /// - Parameters:
    ///   - mapping: a ShareMapping.
    ///   - instance: the instance.
    ///   - context: who asks, and through which queue.
    public func allowShare(_ mapping: NovaObject, for instance: NovaObject, context: RequestContext) async throws {
        try await cast(
            ComputeMethod("allow_share", versions: ["6.4"]), to: host(of: instance),
            ["instance": instance, "share_mapping": mapping], context: context)
    }

    /// Takes a host's right to mount a share for an instance. Returns once the request is on its way. Needs 6.4.
    ///
    /// - Parameters:
    ///   - mapping: a ShareMapping.
    ///   - instance: the instance.
    ///   - context: who asks, and through which queue.
    public func denyShare(_ mapping: NovaObject, for instance: NovaObject, context: RequestContext) async throws {
        try await cast(
            ComputeMethod("deny_share", versions: ["6.4"]), to: host(of: instance),
            ["instance": instance, "share_mapping": mapping], context: context)
    }
}
