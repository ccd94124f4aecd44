import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The driver registry")
struct DriverRegistryTests {
    private static let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    private static let oneAndTwo = DriverPlugin(schemes: "one", "TWO") { (_, _) throws(TransportError) in
        StandInDriver()
    }

    @Test("A URL's scheme picks the driver, in any letter case")
    func picks() throws {
        let registry = DriverRegistry(Self.oneAndTwo)
        #expect(registry.schemes == ["one", "two"])
        for text in ["one://h", "ONE://h", "two://h"] {
            let driver = try registry.makeDriver(for: TransportURL(text), logger: Self.logger)
            #expect(driver is StandInDriver)
        }
    }

    @Test("A plug-in that refuses a URL is heard")
    func refuses() throws {
        let registry = DriverRegistry(
            DriverPlugin(schemes: "one") { (_, _) throws(TransportError) in
                throw TransportError(.invalidOption, "No option foo.")
            })
        let error = #expect(throws: TransportError.self) {
            try Transport(TransportURL("one://h"), drivers: registry, logger: Self.logger)
        }
        #expect(error?.code == .invalidOption)
    }

    @Test(
        "An unknown scheme is an error that lists the schemes, and says what the application knows of it, or what is near",
        arguments: [
            ("rabbit", "Build it with the trait."), ("amqps", "Build it with the trait."),
            ("none", "there is no queue"),
            ("spool", "Add the library that has a driver for it"), ("kafka", "kafka://"),
            ("tow", "Did you mean two://?"),
        ])
    func unknown(_ scheme: String, _ expected: String) throws {
        var explained = DriverRegistry(Self.oneAndTwo)
        explained.explainAbsence(of: "rabbit", "AMQPS", because: "Build it with the trait.")
        let registry = explained
        let error = #expect(throws: TransportError.self) {
            try registry.makeDriver(for: TransportURL("\(scheme)://u:canary@h"), logger: Self.logger)
        }
        #expect(error?.code == .unknownScheme)
        #expect(error?.message.contains("one://, two://") == true)
        #expect(error?.message.contains(expected) == true)
        #expect(!"\(error as Any)".contains("canary"))
    }

    @Test("A scheme that two plug-ins claim stops the program")
    func twice() async {
        await #expect(processExitsWith: .failure) {
            _ = DriverRegistry(
                DriverPlugin(schemes: "one") { (_, _) throws(TransportError) in StandInDriver() },
                DriverPlugin(schemes: "ONE") { (_, _) throws(TransportError) in StandInDriver() })
        }
    }
}
