/// The version of Switchboard, of all its modules and of the command line.
public enum SwitchboardVersion {
    /// The release that this code belongs to, or the next one: a semantic version, such as `0.1.0`.
    public static let current = "0.2.0"
}
