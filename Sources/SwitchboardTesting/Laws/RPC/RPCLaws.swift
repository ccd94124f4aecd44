/// The laws of RPC over any driver: what callers and servers may count on, whatever moves their messages.
///
/// RPC stands above the drivers and is the same for all of them; so most of these laws find bugs of a driver that the
/// laws of transports, which look at one thing at a time, do not.
public enum RPCLaws {
    /// All of them, in the order of their groups.
    public static let all: [DriverLaw] = calls + casts + patience + failures + serving + replacing + outages
}
