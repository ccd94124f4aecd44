public import SwitchboardMessaging

/// Networks of instances, and events from outside.
extension ComputeAPI {
    /// Gives an instance one more fixed address of a network. Returns once the request is on its way.
    public func addFixedIP(
        toInstance instance: NovaObject, networkID: String, context: RequestContext
    ) async throws {
        try await cast(
            "add_fixed_ip_to_instance", to: host(of: instance), ["instance": instance, "network_id": networkID],
            context: context)
    }

    /// Takes a fixed address from an instance. Returns once the request is on its way.
    public func removeFixedIP(
        fromInstance instance: NovaObject, address: String, context: RequestContext
    ) async throws {
        try await cast(
            "remove_fixed_ip_from_instance", to: host(of: instance), ["instance": instance, "address": address],
            context: context)
    }

    /// Attaches a network interface to an instance; returns the new interface as a dictionary.
    ///
    /// - Parameters:
    ///   - instance: the instance.
    ///   - networkID: the network to make a port in, unless `portID` names one.
    ///   - portID: the port.
    ///   - requestedIP: the requested address.
    ///   - tag: a name for the interface that the guest sees.
    ///   - context: who asks, and through which queue.
    @discardableResult
    public func attachInterface(
        to instance: NovaObject, networkID: String?, portID: String?, requestedIP: String?, tag: String? = nil,
        context: RequestContext
    ) async throws -> JSONValue {
        try await call(
            "attach_interface", to: host(of: instance),
            [
                "instance": instance, "network_id": networkID, "port_id": portID, "requested_ip": requestedIP,
                "tag": tag,
            ], context: context
        ).value
    }

    /// Detaches a port from an instance. Returns once the request is on its way.
    public func detachInterface(
        from instance: NovaObject, portID: String, context: RequestContext
    ) async throws {
        try await cast(
            "detach_interface", to: host(of: instance), ["instance": instance, "port_id": portID], context: context)
    }

    /// Writes an instance's network configuration into the guest. Returns once the request is on its way.
    public func injectNetworkInfo(into instance: NovaObject, context: RequestContext) async throws {
        try await cast("inject_network_info", to: host(of: instance), ["instance": instance], context: context)
    }

    /// Tells a host of events at other services, such as a plugged port. Returns once the request is on its way.
    ///
    /// - Parameters:
    ///   - events: InstanceExternalEvents.
    ///   - instances: the instances that the events are about.
    ///   - host: `nil`: that of the first instance.
    ///   - context: who asks, and through which queue.
    public func externalInstanceEvent(
        _ events: [NovaObject], for instances: [NovaObject], on host: String? = nil, context: RequestContext
    ) async throws {
        try await cast(
            ComputeMethod("external_instance_event", topic: .computeAlt), to: self.host(host, of: instances.first),
            ["instances": instances, "events": events], context: context)
    }
}
