public import SwitchboardMessaging

/// Giving an instance another flavor, or another host while it is off.
extension ComputeAPI {
    /// Begins a resize at the destination. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - image: the image's properties.
    ///   - flavor: the new flavor.
    ///   - host: the host.
    ///   - migration: the Migration.
    ///   - requestSpec: the RequestSpec that the scheduler found the host by.
    ///   - legacyRequestSpec: the dictionary that Nova's conductor makes of the RequestSpec for computes of 5.0, which
    ///     read no object there; without it a request to such a one is refused.
    ///   - filterProperties: the scheduler's filter properties.
    ///   - node: the hypervisor's node on the host.
    ///   - cleanShutdown: whether the guest may shut down by itself first.
    ///   - alternatives: Selections of other hosts, to try when this one fails.
    ///   - context: who asks, and through which queue.
    public func prepResize(
        _ instance: NovaObject, image: JSONObject, flavor: NovaObject, on host: String, migration: NovaObject,
        requestSpec: NovaObject, legacyRequestSpec: JSONObject? = nil, filterProperties: JSONObject?, node: String?,
        cleanShutdown: Bool, alternatives: [NovaObject]?, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("prep_resize", versions: ["6.0", "5.1", "5.0"]), to: host, context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance]
            if version >= "6.0" { arguments.set("flavor", flavor) }
            arguments.set("image", image)
            if version >= "5.1" {
                arguments.set("request_spec", requestSpec)
            } else if let legacyRequestSpec {
                arguments.set("request_spec", legacyRequestSpec)
            } else {
                throw RPCError(
                    .versionCapExceeded,
                    "prep_resize at version 5.0 takes the request's specification as a dictionary; give "
                        + "legacyRequestSpec.")
            }
            arguments.set("filter_properties", filterProperties)
            arguments.set("node", node)
            arguments.set("migration", migration)
            arguments.set("clean_shutdown", cleanShutdown)
            arguments.set("host_list", alternatives)
            if version < "6.0" { arguments.set("instance_type", flavor) }
            return arguments
        }
    }

    /// Sends an instance away, at its host, after the destination is prepared. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - image: the image's properties.
    ///   - flavor: the new flavor.
    ///   - requestSpec: hosts before 5.2 are not sent it.
    ///   - cleanShutdown: whether the guest may shut down by itself first.
    ///   - context: who asks, and through which queue.
    public func resizeInstance(
        _ instance: NovaObject, migration: NovaObject, image: JSONObject, flavor: NovaObject,
        requestSpec: NovaObject?, cleanShutdown: Bool = true, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("resize_instance", versions: ["6.0", "5.2", "5.0"], topic: .computeAlt),
            to: host(of: instance), context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance, "migration": migration, "image": image]
            if version >= "6.0" { arguments.set("flavor", flavor) }
            arguments.set("clean_shutdown", cleanShutdown)
            if version >= "5.2" { arguments.set("request_spec", requestSpec) }
            if version < "6.0" { arguments.set("instance_type", flavor) }
            return arguments
        }
    }

    /// Finishes a resize at the destination. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - image: the image's properties.
    ///   - diskInfo: what the source's hypervisor says of the disks.
    ///   - host: the host.
    ///   - requestSpec: hosts before 5.2 are not sent it.
    ///   - context: who asks, and through which queue.
    public func finishResize(
        of instance: NovaObject, migration: NovaObject, image: JSONObject, diskInfo: String?, on host: String,
        requestSpec: NovaObject?, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("finish_resize", versions: ["6.0", "5.2", "5.0"], topic: .computeAlt), to: host,
            context: context
        ) { version in
            var arguments: ComputeArguments = [
                "instance": instance, "migration": migration, "image": image, "disk_info": diskInfo,
            ]
            if version >= "5.2" { arguments.set("request_spec", requestSpec) }
            return arguments
        }
    }

    /// Confirms a resize, at the source: what was kept there for going back is deleted.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - host: the source; `nil`: the instance's host.
    ///   - waiting: whether to wait until it is done; otherwise this returns once the request is on its way.
    ///   - context: who asks, and through which queue.
    public func confirmResize(
        of instance: NovaObject, migration: NovaObject, on host: String?, waiting: Bool = false,
        context: RequestContext
    ) async throws {
        let method: ComputeMethod = "confirm_resize"
        let arguments: ComputeArguments = ["instance": instance, "migration": migration]
        if waiting {
            try await call(method, to: self.host(host, of: instance), arguments, context: context)
        } else {
            try await cast(method, to: self.host(host, of: instance), arguments, context: context)
        }
    }

    /// Goes back from a resize, at the destination. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - host: the destination; `nil`: the instance's host.
    ///   - requestSpec: hosts before 5.2 are not sent it.
    ///   - context: who asks, and through which queue.
    public func revertResize(
        of instance: NovaObject, migration: NovaObject, on host: String?, requestSpec: NovaObject?,
        context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("revert_resize", versions: ["6.0", "5.2", "5.0"]), to: self.host(host, of: instance),
            context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance, "migration": migration]
            if version >= "5.2" { arguments.set("request_spec", requestSpec) }
            return arguments
        }
    }

    /// Runs an instance at the source again, after ``revertResize(of:migration:on:requestSpec:context:)``. Returns once
    /// the request is on its way.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - migration: the Migration.
    ///   - host: the host.
    ///   - requestSpec: hosts before 5.2 are not sent it.
    ///   - context: who asks, and through which queue.
    public func finishRevertResize(
        of instance: NovaObject, migration: NovaObject, on host: String, requestSpec: NovaObject?,
        context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("finish_revert_resize", versions: ["6.0", "5.2", "5.0"], topic: .computeAlt), to: host,
            context: context
        ) { version in
            var arguments: ComputeArguments = ["instance": instance, "migration": migration]
            if version >= "5.2" { arguments.set("request_spec", requestSpec) }
            return arguments
        }
    }
}
