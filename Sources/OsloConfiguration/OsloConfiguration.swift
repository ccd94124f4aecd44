/// A configuration as oslo.config reads it.
public struct OsloConfiguration: Sendable {}
