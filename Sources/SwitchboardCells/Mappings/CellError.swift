internal import SwitchboardCore

/// An error of a directory, a mapping, or a cell's connection.
///
/// Programs act on ``code``, people read ``message``. Neither ever contains a secret.
public struct CellError: Error, Sendable {
    /// What kind of error it is. Open: directories may add codes of their own.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        public init(_ name: String) {
            self.description = name
        }

        /// No mapping exists for the instance.
        public static let unknownInstance = Code("unknownInstance")
        /// The instance isn't mapped to a cell yet: it waits to be scheduled.
        public static let notScheduled = Code("notScheduled")
        /// No mapping exists for the host.
        public static let unknownHost = Code("unknownHost")
        /// No cell has that identifier or name, or a mapping refers to a cell that is gone.
        public static let unknownCell = Code("unknownCell")
        /// Several cells have the name; the message lists them.
        public static let ambiguousName = Code("ambiguousName")
        /// The cell has no message queue (cell0, or another one whose URL is `none:///`).
        public static let noQueue = Code("noQueue")
        /// The cell is disabled.
        public static let disabledCell = Code("disabledCell")
        /// The cell's URL can't be used: it is empty, malformed, or a template that can't be filled in.
        public static let badURL = Code("badURL")
        /// A text that should be a UUID isn't one.
        public static let invalidUUID = Code("invalidUUID")
        /// A value can't be stored: it is empty, too long, or not allowed for that cell.
        public static let invalidValue = Code("invalidValue")
        /// Something with that identifier exists already.
        public static let alreadyExists = Code("alreadyExists")
        /// The cell cannot be deleted: hosts are mapped to it.
        public static let hostsMapped = Code("hostsMapped")
        /// The cell cannot be deleted: instances are mapped to it.
        public static let instancesMapped = Code("instancesMapped")
        /// The cell cannot be deleted: mappings of deleted instances refer to it.
        public static let deletedInstancesMapped = Code("deletedInstancesMapped")
        /// The directory, or a cell's database, can't be reached or opened, or stayed locked for too long.
        public static let directoryUnavailable = Code("directoryUnavailable")
        /// The directory or a cell's database isn't one (no database, or tables are missing), or it is damaged.
        public static let directoryInvalid = Code("directoryInvalid")
        /// The directory was opened for reading only.
        public static let directoryReadOnly = Code("directoryReadOnly")
        /// A change to the directory was sent, and may or may not have taken effect: the answer got lost. Look, and
        /// repeat it if it hasn't.
        public static let indeterminate = Code("indeterminate")
        /// The connection that a context refers to is closed. Aim again.
        public static let connectionClosed = Code("connectionClosed")
        /// The cell's queue doesn't answer, or refuses the login.
        public static let unreachable = Code("unreachable")
        /// A limit was reached. Try again later.
        public static let exhausted = Code("exhausted")
        /// The directory or database can't do that.
        public static let unsupported = Code("unsupported")
        /// The task was cancelled.
        public static let cancelled = Code("cancelled")
    }

    public var code: Code

    /// One or two sentences: what happened, to which cell, and what to do. Anything that looks like a credential is
    /// masked.
    public var message: String

    /// The cell that the error is about, if any.
    public var cell: CellIdentity?

    /// The underlying error, if there is one.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cell: CellIdentity? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = Secret.masked(in: message)
        self.cell = cell
        self.cause = cause
    }
}

extension CellError: CustomStringConvertible {
    public var description: String {
        guard let cause else { return "\(code): \(message)" }
        return "\(code): \(message) (\(Secret.masked(in: "\(cause)")))"
    }
}
