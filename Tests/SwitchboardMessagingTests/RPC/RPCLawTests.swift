import SwitchboardCore
import SwitchboardInProcess
import SwitchboardSpool
import SwitchboardTesting
import Testing

private struct InProcessHarness: TransportHarness {
    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let registry = DriverRegistry(.inProcess(network: InProcessNetwork()))
        try await body(
            TransportWorld(patience: .seconds(20)) {
                try Transport(TransportURL("fake://laws"), drivers: registry, logger: quietLogger)
            })
    }
}

private struct SpoolHarness: TransportHarness {
    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-rpc")
        defer { directory.remove() }
        try await body(
            TransportWorld(patience: .seconds(20)) {
                try Transport(
                    TransportURL("spool://\(directory.path)/spool"), drivers: DriverRegistry(.spool()),
                    logger: quietLogger)
            })
    }
}

@Suite("The laws of RPC", .timeLimit(.minutes(3)))
struct RPCLawTests {
    @Test("On the in-process driver", arguments: RPCLaws.all)
    func inProcess(_ law: RPCLaw) async throws {
        #expect(try await law.check(InProcessHarness()) == .holds)
    }

    @Test("On the spool", arguments: RPCLaws.all)
    func spool(_ law: RPCLaw) async throws {
        #expect(try await law.check(SpoolHarness()) == .holds)
    }
}
