import SwitchboardMessaging

/// Which version of each object came with which version of Nova's services.
enum NovaObjectHistory {
    /// The oldest service version that the table tells of: Queens', the first one whose compute RPC API is 5.0.
    static let oldestServiceVersion = 30

    /// What a service of a version knows of an object; `nil`: it has no such object, or none any more.
    static func version(of name: String, serviceVersion: Int) -> RPCVersion? {
        steps[name]?.last { $0.since <= serviceVersion }?.version
    }

    static var names: [String] { steps.keys.sorted() }

    private struct Step {
        let since: Int
        /// `nil`: removed.
        let version: RPCVersion?
    }

    private static let steps: [String: [Step]] = {
        var steps: [String: [Step]] = [:]
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ")
            steps[String(words[0])] = words.dropFirst().map { word in
                let parts = word.split(separator: ":")
                guard parts.count == 2, let since = Int(parts[0]) else {
                    preconditionFailure("\"\(word)\" in the history of \(words[0]) is not service:version.")
                }
                return Step(since: since, version: parts[1] == "-" ? nil : RPCVersion(stringLiteral: String(parts[1])))
            }
        }
        return steps
    }()

    /// A line per object: the service version that brought an object version, and `-` for its removal.
    ///
    /// From Nova's history: the versions at the change that raised `SERVICE_VERSION` (nova/objects/service.py) to each
    /// number. That is the least that a service of that number knows; later changes under the same number are not in
    /// it. 74's are those of 73 and what a 34.0.0 was seen to send.
    private static let table = """
        Agent 30:1.0 54:-
        AgentList 30:1.0 54:-
        Aggregate 30:1.3
        AggregateList 30:1.2 31:1.3
        BandwidthUsage 30:1.2 61:-
        BandwidthUsageList 30:1.2 61:-
        BlockDeviceMapping 30:1.19 36:1.20 62:1.21
        BlockDeviceMappingList 30:1.17 55:1.18
        BuildRequest 30:1.3
        BuildRequestList 30:1.0
        CellMapping 30:1.0 31:1.1
        CellMappingList 30:1.0 31:1.1
        ComputeNode 30:1.18 38:1.19
        ComputeNodeList 30:1.17
        ConsoleAuthToken 30:1.0 39:1.1 67:1.2 69:1.3
        CpuDiagnostics 30:1.0
        DNSDomain 30:1.0 48:-
        DNSDomainList 30:1.0 48:-
        Destination 30:1.1 31:1.2 39:1.3 40:1.4
        DeviceBus 30:1.0
        DeviceMetadata 30:1.0
        Diagnostics 30:1.0
        DiskDiagnostics 30:1.0
        DiskMetadata 30:1.0
        EC2Ids 30:1.0
        EC2InstanceMapping 30:1.0
        EC2SnapshotMapping 30:1.0 39:-
        EC2VolumeMapping 30:1.0 39:-
        FixedIP 30:1.14 49:-
        FixedIPList 30:1.15 49:-
        Flavor 30:1.2
        FlavorList 30:1.1
        FloatingIP 30:1.10 49:-
        FloatingIPList 30:1.12 49:-
        HVSpec 30:1.2
        HostMapping 30:1.0
        HostMappingList 30:1.1
        HyperVLiveMigrateData 30:1.2 32:1.3 35:1.4 69:1.5
        IDEDeviceBus 30:1.0
        ImageMeta 30:1.8
        ImageMetaProps 30:1.19 31:1.20 37:1.21 38:1.22 39:1.24 46:1.25 52:1.26 53:1.27 56:1.29 61:1.30 62:1.32 \
            64:1.33 65:1.34 67:1.37 68:1.39 69:1.40 70:1.41 71:1.42 73:1.43 74:1.44
        Instance 30:2.3 31:2.4 38:2.5 39:2.6 40:2.7 67:2.8
        InstanceAction 30:1.1 39:1.2
        InstanceActionEvent 30:1.1 31:1.2 39:1.3 50:1.4
        InstanceActionEventList 30:1.1
        InstanceActionList 30:1.1
        InstanceDeviceMetadata 30:1.0
        InstanceExternalEvent 30:1.2 39:1.3 49:1.4 64:1.5
        InstanceFault 30:1.2
        InstanceFaultList 30:1.2
        InstanceGroup 30:1.10 33:1.11
        InstanceGroupList 30:1.8
        InstanceInfoCache 30:1.5
        InstanceList 30:2.4 39:2.6
        InstanceMapping 30:1.0 35:1.1 38:1.2
        InstanceMappingList 30:1.2 38:1.3
        InstanceNUMACell 30:1.4 52:1.6
        InstanceNUMATopology 30:1.3
        InstancePCIRequest 30:1.2 38:1.3 56:1.4
        InstancePCIRequests 30:1.1
        KeyPair 30:1.4
        KeyPairList 30:1.3
        LibvirtLiveMigrateBDMInfo 30:1.1
        LibvirtLiveMigrateData 30:1.5 32:1.7 33:1.8 35:1.9 40:1.10 67:1.11 68:1.12 69:1.13 71:1.14
        LibvirtLiveMigrateNUMAInfo 40:1.0
        LibvirtVPMEMDevice 41:1.0
        MemoryDiagnostics 30:1.0
        Migration 30:1.5 38:1.6 40:1.7 67:1.8
        MigrationContext 30:1.1 40:1.2
        MigrationList 30:1.4 54:1.5
        MonitorMetric 30:1.1
        MonitorMetricList 30:1.1
        NUMACell 30:1.2 34:1.3 41:1.4 56:1.5
        NUMAPagesTopology 30:1.1
        NUMATopology 30:1.2
        NUMATopologyLimits 30:1.0 35:1.1
        Network 30:1.2 49:-
        NetworkInterfaceMetadata 30:1.1 31:1.2
        NetworkList 30:1.2 49:-
        NetworkMetadata 34:1.0
        NetworkRequest 30:1.2 57:1.3
        NetworkRequestList 30:1.1
        NicDiagnostics 30:1.0
        PCIDeviceBus 30:1.0
        PciDevice 30:1.6 56:1.7
        PciDeviceList 30:1.3
        PciDevicePool 30:1.1
        PciDevicePoolList 30:1.1
        PowerVMLiveMigrateData 30:1.2 32:1.3 35:1.4 62:-
        Quotas 30:1.3
        QuotasNoOp 30:1.3
        RequestGroup 37:1.0 38:1.2 40:1.3
        RequestLevelParams 48:1.0 58:1.1
        RequestSpec 30:1.8 31:1.9 35:1.11 37:1.12 48:1.13 55:1.14 67:1.15
        Resource 40:1.0
        ResourceList 40:1.0
        ResourceMetadata 40:1.0
        S3ImageMapping 30:1.0
        SCSIDeviceBus 30:1.0
        SchedulerLimits 30:1.0
        SchedulerRetries 30:1.1
        SecurityGroup 30:1.2
        SecurityGroupList 30:1.1
        SecurityGroupRule 30:1.1 49:-
        SecurityGroupRuleList 30:1.2 49:-
        Selection 30:1.0 41:1.1
        Service 30:1.22
        ServiceList 30:1.19
        ShareMapping 67:1.0 68:1.1 69:1.2
        ShareMappingList 67:1.0
        ShareMetadata 69:1.0
        Tag 30:1.1
        TagList 30:1.1
        TaskLog 30:1.0
        TaskLogList 30:1.0
        TrustedCerts 31:1.0
        USBDeviceBus 30:1.0
        VIFMigrateData 35:1.0
        VMwareLiveMigrateData 36:1.0 69:1.1
        VirtCPUFeature 30:1.0
        VirtCPUModel 30:1.0
        VirtCPUTopology 30:1.0
        VirtualInterface 30:1.3
        VirtualInterfaceList 30:1.0
        VolumeUsage 30:1.0
        XenDeviceBus 30:1.0
        XenapiLiveMigrateData 30:1.2 32:1.3 35:1.4 54:-
        """
}
