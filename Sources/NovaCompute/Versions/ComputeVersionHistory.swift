import SwitchboardMessaging

/// Which compute RPC version came with which version of Nova's services, and which release has which.
enum ComputeVersionHistory {
    /// The newest compute RPC version there is.
    static let newestVersion: RPCVersion = "6.5"

    /// The newest service version that the tables tell of: Nova 34.0.0's.
    static let newestServiceVersion = 74

    /// The service versions that brought a compute RPC version (nova/objects/service.py, `SERVICE_VERSION_HISTORY`).
    private static let steps: [(serviceVersion: Int, version: RPCVersion)] = [
        (0, "4.0"), (1, "4.4"), (2, "4.5"), (3, "4.6"), (5, "4.7"), (6, "4.8"), (7, "4.9"), (8, "4.10"), (9, "4.11"),
        (11, "4.12"), (13, "4.13"), (18, "4.14"), (19, "4.15"), (20, "4.16"), (21, "4.17"), (23, "4.18"), (26, "4.19"),
        (27, "4.20"), (28, "4.21"), (29, "4.22"), (30, "5.0"), (37, "5.1"), (39, "5.2"), (40, "5.3"), (41, "5.4"),
        (42, "5.5"), (43, "5.6"), (44, "5.7"), (45, "5.8"), (46, "5.9"), (47, "5.10"), (50, "5.11"), (53, "5.12"),
        (54, "5.13"), (56, "6.0"), (64, "6.1"), (66, "6.2"), (67, "6.3"), (68, "6.4"), (71, "6.5"),
    ]

    /// The compute RPC version of services of a version; `nil`: it is no version, or a newer one than the table's.
    static func version(ofService serviceVersion: Int) -> RPCVersion? {
        guard (0...newestServiceVersion).contains(serviceVersion) else { return nil }
        return steps.last { $0.serviceVersion <= serviceVersion }?.version
    }

    /// The oldest service that a compute RPC version may belong to.
    static func oldestService(with version: RPCVersion) -> Int {
        steps.last { $0.version <= version }?.serviceVersion ?? 0
    }

    struct Release {
        let name: String
        let version: RPCVersion
        /// The `SERVICE_VERSION` of its first release; `nil`: older than the table of objects.
        let serviceVersion: Int?

        init(_ name: String, _ version: RPCVersion, service serviceVersion: Int? = nil) {
            self.name = name
            self.version = version
            self.serviceVersion = serviceVersion
        }
    }

    /// Nova's releases by code name (nova/compute/rpcapi.py, `VERSION_ALIASES`).
    static let releases: [Release] = [
        Release("icehouse", "3.23"),
        Release("juno", "3.35"),
        Release("kilo", "4.0"),
        Release("liberty", "4.5"),
        Release("mitaka", "4.11"),
        Release("newton", "4.13"),
        Release("ocata", "4.13"),
        Release("pike", "4.17"),
        Release("queens", "5.0", service: 30),
        Release("rocky", "5.0", service: 35),
        Release("stein", "5.1", service: 37),
        Release("train", "5.3", service: 40),
        Release("ussuri", "5.11", service: 51),
        Release("victoria", "5.12", service: 53),
        Release("wallaby", "6.0", service: 56),
        Release("xena", "6.0", service: 60),
        Release("yoga", "6.0", service: 61),
        Release("zed", "6.1", service: 64),
        Release("antelope", "6.2", service: 66),
        Release("bobcat", "6.2", service: 66),
        Release("caracal", "6.3", service: 67),
        Release("dalmatian", "6.3", service: 67),
        Release("epoxy", "6.4", service: 68),
        Release("flamingo", "6.4", service: 70),
        Release("gazpacho", "6.5", service: 72),
        Release("hibiscus", "6.5", service: 74),
    ]
}
