/// The laws of transport drivers.
///
/// Where drivers differ honestly there is a capability, and the laws of that capability bind those who claim it.
public enum TransportLaws {
    /// All laws, in the order of their groups.
    public static let all: [TransportLaw] =
        delivery + addresses + settlement + flow + lifetime + deadlines + routing + bounds + reconnecting + processes
        + claims

    /// The laws of one group.
    public static func all(in group: TransportLaw.Group) -> [TransportLaw] {
        all.filter { $0.group == group }
    }
}
