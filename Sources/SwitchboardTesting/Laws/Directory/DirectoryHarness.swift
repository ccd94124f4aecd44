public import SwitchboardCells

/// How the laws reach a directory: makes empty ones that nobody else uses.
///
/// A directory's test target adopts all laws with one of these and one test:
///
///     struct MyHarness: DirectoryHarness {
///         func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws {
///             try await body(DirectoryWorld(MyDirectory(inNewPlace), claims: [.keepsMicroseconds]))
///         }
///     }
///
///     @Test(arguments: DirectoryLaws.all) func law(_ law: DirectoryLaw) async throws {
///         try await law.check(MyHarness())
///     }
public protocol DirectoryHarness: Sendable {
    /// Makes a world with a directory that has no cell, runs `body` with it, and removes it.
    func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws
}

/// A directory of its own for a law, and what can be done with it.
public struct DirectoryWorld: Sendable {
    /// The directory. It has no cell yet.
    public var directory: any MutableCellDirectory

    /// What it promises beyond what every directory does.
    public var claims: DirectoryCapabilities

    /// How long a thing that has to happen may take before it counts as never. A whole law may take six times as long.
    public var patience: Duration

    /// For `shared`: makes one more object on the same directory, as another process would have one.
    public var makeOther: (@Sendable () throws -> any MutableCellDirectory)?

    public init(
        _ directory: any MutableCellDirectory, claims: DirectoryCapabilities, patience: Duration = .seconds(30),
        makeOther: (@Sendable () throws -> any MutableCellDirectory)? = nil
    ) {
        self.directory = directory
        self.claims = claims
        self.patience = patience
        self.makeOther = makeOther
    }
}
