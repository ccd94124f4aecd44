/// The cells in which to do something.
public enum CellScope: Sendable, Hashable {
    /// All cells of the directory.
    case all
    /// The cells that hold mappings of a project's instances.
    case project(String)
    /// The cells of the directory with these identifiers.
    case identifiers([CellID])
    /// These cells, whatever the directory contains.
    case cells([CellMapping])
}
