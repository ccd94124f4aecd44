/// The laws of transports: how bytes move between addresses.
public enum TransportLaws {
    /// All of them, in the order of their groups.
    public static let all: [DriverLaw] =
        delivery + content + addresses + settlement + attempts + flow + lifetime + deadlines + routing + bounds
        + reconnecting + restarting + processes + claims
}
