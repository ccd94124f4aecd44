import SwitchboardCore
import Testing

@testable import SwitchboardCommand

@Suite("The options of the drivers' URLs")
struct DriverOptionTests {
    private func refusal(_ scheme: String, _ query: String) throws -> TransportError? {
        let rest = scheme == "spool" ? "/tmp/spool" : "h/"
        let url = try TransportURL("\(scheme)://\(rest)?\(query)")
        return #expect(throws: TransportError.self) {
            _ = try DriverRegistry.all.makeDriver(for: url, logger: Doctor.silent)
        }
    }

    @Test("Every driver refuses an option that is given twice, by its name", arguments: DriverRegistry.all.schemes)
    func twice(scheme: String) throws {
        let error = try refusal(scheme, "some_option=1&other=2&some_option=1")
        #expect(error?.code == .invalidOption)
        #expect(
            error?.message == "The option some_option of the \(scheme):// URL can't be used: it is given twice.")
    }

    @Test("Every driver refuses an option that it doesn't have, by its name", arguments: DriverRegistry.all.schemes)
    func unknown(scheme: String) throws {
        for query in ["some_option=1", "some_option="] {
            let error = try refusal(scheme, query)
            #expect(error?.code == .invalidOption)
            #expect(error?.message.contains("\(scheme):// has no option \"some_option\"") == true)
        }
    }
}
