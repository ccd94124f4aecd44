import Foundation
import SwitchboardCore
import Testing

@testable import SocketDriver

@Suite("A message that a lost connection may have carried", .timeLimit(.minutes(1)))
struct PublishOutcomeTests {
    enum Ending: CaseIterable, Sendable {
        case refusedLater, neverConnectedAgain, closed
    }

    @Test("It was maybe sent, however sending it again ends", arguments: Ending.allCases)
    func afterLoss(_ ending: Ending) async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("hub-\(UUID().uuidString.prefix(12)).sock").path
        let listener = try Listener(SocketPath(path))
        let transport = try Transport(
            TransportURL("unix://\(path)"), drivers: DriverRegistry(.socket()), logger: quiet)
        let run = Task { try await transport.run() }
        // A hub that takes a message and is gone before it says so.
        let hub = Task {
            var count = 0
            for await socket in listener.connections() {
                count += 1
                for await frame in socket.frames() {
                    guard case .publish(let id, _, _, _, _) = frame else { continue }
                    guard count > 1 else {
                        if ending != .refusedLater { listener.stop() }
                        break
                    }
                    socket.send(.failed(id, code: "unroutable", message: "Nobody."))
                }
                if ending == .closed { run.cancel() }
                socket.shut()
            }
        }
        let error = await #expect(throws: TransportError.self) {
            try await transport.publish(
                Message(body: [1]), to: .topic(Topic("t")), deadline: .now + .seconds(2), mandatory: true,
                allowsDuplicates: true)
        }
        #expect(error?.code == .indeterminate, "\(ending): \(error!)")
        run.cancel()
        listener.stop()
        _ = await hub.result
        _ = await run.result
        try? FileManager.default.removeItem(atPath: path)
    }
}
