/// Where directories differ honestly. A law of a capability binds the directories that claim it; a few laws bind those
/// that don't.
public struct DirectoryCapabilities: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// Hosts whose names differ only in the case of letters are one host, as in Nova's tables on MariaDB.
    public static let foldsCase = DirectoryCapabilities(rawValue: 1 << 0)
    /// Blanks at the end of a host's name don't matter, as in Nova's tables on MariaDB.
    public static let ignoresTrailingBlanks = DirectoryCapabilities(rawValue: 1 << 1)
    /// Times keep their microseconds. Without it, they are cut off to the second.
    public static let keepsMicroseconds = DirectoryCapabilities(rawValue: 1 << 2)
    /// Text may have characters of four bytes in UTF-8, such as emojis. Without it, they are refused.
    public static let storesAllCharacters = DirectoryCapabilities(rawValue: 1 << 3)
    /// URLs may have any length. Without it, those of more than 65,535 bytes are refused.
    public static let storesLongURLs = DirectoryCapabilities(rawValue: 1 << 4)
    /// The version changes with mappings of instances and hosts, too, and not only with cells.
    public static let noticesMappings = DirectoryCapabilities(rawValue: 1 << 5)
    /// The version stays while nothing changes.
    public static let keepsVersion = DirectoryCapabilities(rawValue: 1 << 6)
    /// Other objects, also in other processes, use the same directory: ``DirectoryWorld/makeOther`` makes one.
    public static let shared = DirectoryCapabilities(rawValue: 1 << 7)
}
