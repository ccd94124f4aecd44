public import SwitchboardMessaging

/// What the computes of a cell understand: the newest compute RPC version, and the newest version of each object.
///
/// During an upgrade a cell is pinned to its oldest compute. Each cell has its own pin, so that an old cell doesn't
/// hold the others back, as Nova's single `[upgrade_levels]compute` does.
public struct ComputePin: Sendable, Hashable {
    /// The newest compute RPC version that may be sent.
    public var version: RPCVersion

    /// The newest version of each object that may be sent.
    public var objects: NovaObjectVersions

    /// - Parameters:
    ///   - version: the newest compute RPC version that may be sent.
    ///   - objects: `nil`: what every compute of that RPC version knows, which is little: objects got newer under the
    ///     same RPC version. A release or a service version says it more closely.
    public init(version: RPCVersion, objects: NovaObjectVersions? = nil) {
        self.version = version
        self.objects =
            objects
            ?? NovaObjectVersions(serviceVersion: ComputeVersionHistory.oldestService(with: version))
    }

    /// No pin: every compute is as new as the newest Nova known here (34.0.0, compute RPC 6.5).
    public static let newest = ComputePin(version: ComputeVersionHistory.newestVersion, objects: .newest)

    /// The pin of a Nova release, by its code name in lower case, such as `yoga` or `gazpacho`; `nil` for an unknown
    /// one.
    public init?(release name: String) {
        guard let release = ComputeVersionHistory.releases.first(where: { $0.name == name }) else { return nil }
        self.init(
            version: release.version,
            objects: release.serviceVersion.map { NovaObjectVersions(serviceVersion: $0) })
    }

    /// The pin that Nova's `auto` finds: from the least `services.version` of the cell's computes.
    ///
    /// - Parameter oldestService: the least number of all nova-compute services that are neither deleted nor forced
    ///   down; 0, when there are none, pins nothing.
    /// - Throws: `RPCError` of `RPCError.Code.unknownUpgradeLevel` for a
    ///   number that is newer than this table: what such computes still understand is not known here.
    public init(oldestService: Int) throws {
        guard oldestService != 0 else {
            self = .newest
            return
        }
        guard let version = ComputeVersionHistory.version(ofService: oldestService) else {
            throw RPCError(
                .unknownUpgradeLevel,
                "The oldest compute service has version \(oldestService), and known are 1 to "
                    + "\(ComputeVersionHistory.newestServiceVersion). State the pin's version and objects.")
        }
        self.init(version: version, objects: NovaObjectVersions(serviceVersion: oldestService))
    }

    /// The pin that a text of Nova's `[upgrade_levels]compute` stands for: a version such as `6.2`, or a release.
    ///
    /// - Throws: `RPCError` of `RPCError.Code.unknownUpgradeLevel` for
    ///   anything else, also for `auto`, which takes a look into the cell's database: ``init(oldestService:)``.
    public init(upgradeLevel text: String) throws {
        if let version = RPCVersion(text) {
            self.init(version: version)
        } else if let pin = ComputePin(release: text) {
            self = pin
        } else {
            let names = ComputeVersionHistory.releases.map(\.name).joined(separator: ", ")
            throw RPCError(
                .unknownUpgradeLevel,
                text == "auto"
                    ? "The upgrade level auto needs the version of the cell's oldest compute service."
                    : "\"\(text)\" is no upgrade level: neither a version such as 6.2 nor one of \(names).")
        }
    }

    /// Whether a request of a version may be sent.
    public func allows(_ version: RPCVersion) -> Bool {
        self.version.isCompatible(with: version)
    }
}

extension ComputePin: CustomStringConvertible {
    public var description: String { "compute RPC \(version)" }
}
