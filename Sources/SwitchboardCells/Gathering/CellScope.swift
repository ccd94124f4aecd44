/// Which cells something is done in.
public enum CellScope: Sendable, Hashable {
    /// All cells of the directory.
    case all
    /// The cells that hold mappings of a project's instances.
    case project(String)
    /// Those of the directory with these identifiers.
    case identifiers([CellID])
    /// These, whatever the directory has.
    case cells([CellMapping])
}
