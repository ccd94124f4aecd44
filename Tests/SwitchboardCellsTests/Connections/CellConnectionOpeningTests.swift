import Dispatch
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

@Suite("Connections are opened beside each other's use", .timeLimit(.minutes(2)))
struct CellConnectionOpeningTests {
    @Test("A driver that takes its time to be made holds up nobody who has a connection")
    func slowDriver() async throws {
        let entered = DispatchSemaphore(value: 0)
        let release = DispatchSemaphore(value: 0)
        let isMade = Locked(false)
        let network = InProcessNetwork()
        let slow = DriverPlugin(schemes: "slow") { (_, _) throws(TransportError) in
            entered.signal()
            _ = release.wait(timeout: .now() + 60)
            isMade.withLock { $0 = true }
            throw TransportError(.invalidOption, "It took its time.")
        }
        let quickCell = CellMapping(id: .random(), name: "quick", transportURL: "fake://one")
        let slowCell = CellMapping(id: .random(), name: "slow", transportURL: "slow://one")
        let manager = CellContextManager(
            directory: try InMemoryCellDirectory(cells: [quickCell, slowCell]),
            drivers: DriverRegistry(.inProcess(network: network), slow), logger: quietLogger)
        let run = Task { try await manager.run() }
        defer { run.cancel() }
        _ = try manager.targeted(RequestContext(), at: quickCell)
        // Not on the threads of Swift's tasks, as they block.
        async let message = withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let error = #expect(throws: CellError.self) { try manager.targeted(RequestContext(), at: slowCell) }
                continuation.resume(returning: error?.message)
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                entered.wait()
                continuation.resume()
            }
        }
        _ = try manager.targeted(RequestContext(), at: quickCell)
        #expect(manager.status().map(\.url) == ["fake://one"])
        #expect(!isMade.withLock { $0 })
        release.signal()
        let told = await message
        #expect(told?.contains("It took its time.") == true)
    }
}
