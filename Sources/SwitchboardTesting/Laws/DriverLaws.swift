/// Every law that a driver is held to: those of transports, and those of RPC and notifications over
/// them.
///
/// Where drivers differ honestly there is a capability, and the laws of that capability bind those who claim it.
public enum DriverLaws {
    /// All laws, in the order of their groups. For `@Test(arguments:)`.
    public static let all: [DriverLaw] = TransportLaws.all + RPCLaws.all + NotificationLaws.all

    /// The laws of one group.
    public static func all(in group: DriverLaw.Group) -> [DriverLaw] {
        all.filter { $0.group == group }
    }
}
