/// How a database on MariaDB or MySQL is used.
public struct MariaDBConfiguration: Sendable, Hashable {
    /// Whether to refuse writes. Nothing is ever created then.
    public var isReadOnly = false

    /// Whether to create the tables of a directory in a database that has none.
    public var createsIfMissing = false

    /// How long a look-up of a single row may take, with everything: waiting for a connection, connecting, and reading.
    public var lookupTimeout: Duration = .seconds(5)

    /// The same for a listing or a count.
    public var scanTimeout: Duration = .seconds(60)

    /// The same for a change, including repetitions where the server gave way to another transaction.
    public var writeTimeout: Duration = .seconds(30)

    /// How long the server may take to accept a connection. The option `connect_timeout` of the URL overrides it.
    public var connectTimeout: Duration = .seconds(5)

    /// How many connections there are at most for look-ups. Each is opened when needed.
    ///
    /// While the server is quick, one of them is used on the thread of the caller, for 20 ms at most; the others have
    /// threads of their own. With one connection, or with TLS, all have.
    public var lookupConnections = 4

    /// How many connections there are at most for listings and counts.
    public var scanConnections = 2

    /// How many connections there are at most for changes.
    public var writeConnections = 2

    /// How many calls may wait for a connection, of each kind. The next ones throw `exhausted`.
    public var queueLimit = 4096

    /// Whether a read waits until the node has applied what was committed on other nodes of its Galera cluster
    /// (`wsrep_sync_wait`). Without it, a read may be a moment behind a write that went to another node.
    public var waitsForCluster = false

    public init() {}
}
