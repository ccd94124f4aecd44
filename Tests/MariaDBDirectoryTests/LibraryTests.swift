#if MariaDB
import Testing

@testable import SwitchboardMariaDB

@Suite("The client library")
struct LibraryTests {
    @Test("It is of the 3.x series")
    func version() { #expect(MariaDBLibrary.version.hasPrefix("3.")) }
}
#endif
