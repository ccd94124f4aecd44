/// Every law that a directory which can be written is held to.
public enum DirectoryLaws {
    /// All laws, in the order of their groups. For `@Test(arguments:)`.
    public static let all: [DirectoryLaw] =
        CellLaws.all + InstanceLaws.all + HostLaws.all + ListingLaws.all + VersionLaws.all + ValueLaws.all
        + WriterLaws.all

    /// The laws of one group.
    public static func all(in group: DirectoryLaw.Group) -> [DirectoryLaw] {
        all.filter { $0.group == group }
    }
}
