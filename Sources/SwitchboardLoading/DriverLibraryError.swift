/// Why a driver's library was not taken.
public struct DriverLibraryError: Error, Sendable, CustomStringConvertible {
    /// What is wrong with it, in the order in which it is looked at.
    public enum Problem: Sendable, Hashable {
        /// There is no such file, it cannot be read, or it is no file.
        case unreadable
        /// It is no shared library of this machine's kind.
        case notALibrary
        /// It is a part of one: a copy that was cut short.
        case damaged
        /// It has no tag, so it is no driver.
        case noTag
        /// It was built with another core or another toolchain. Nothing of it was loaded.
        case otherABI
        /// The system's loader refuses it.
        case notLoadable
        /// It has a tag, and lacks a function that drivers have.
        case noEntry
        /// It brings a core of its own: it was linked with the static products.
        case secondCore
        /// Its core's types have other sizes, though the revision is the same.
        case otherLayout
        /// It registers no plug-in.
        case registersNothing
        /// It serves a scheme that the registry serves already.
        case schemeTaken
    }

    public let problem: Problem

    /// What happened, and what to do.
    public let description: String

    init(_ problem: Problem, _ description: String) {
        self.problem = problem
        self.description = description
    }
}
