#if MariaDB
import CMariaDB

/// The client library.
enum MariaDBLibrary {
    /// `3.3.14`
    static var version: String { String(cString: mysql_get_client_info()) }
}
#endif
