#if RabbitMQ
    import Foundation
    import SwitchboardCore
    import SwitchboardTesting
    import Testing

    @Suite("The command line at a broker that refuses it", .timeLimit(.minutes(5)))
    struct RefusedLoginTests {
        @Test("A wrong password is exit code 5 at once, said without the password")
        func wrongPassword() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let url = broker.url(virtualHost: name, username: "switchboard", password: "c4nary")
                let directory = try ScratchDirectory(prefix: "switchboard-login")
                defer { directory.remove() }
                // SwiftPM puts the program beside the tests.
                let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
                let begin = ContinuousClock.now
                let process = try GuardedProcess(
                    [
                        tests.deletingLastPathComponent().appendingPathComponent("switchboard").path, "ping",
                        "--transport-url", url.formatted(revealingSecrets: true), "--timeout", "300",
                    ],
                    environment: ["HOME": directory.path],
                    streams: .log("\(directory.path)/log"))
                #expect(await process.waitForExit(within: .seconds(120)) == .code(5))
                #expect(begin.duration(to: .now) < .seconds(60))
                let log = directory.tail(of: "log")
                #expect(log.contains("refuses"), "\(log)")
                #expect(!log.contains("c4nary"))
            }
        }
    }
#endif
