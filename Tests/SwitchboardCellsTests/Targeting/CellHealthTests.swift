import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@Suite("The health of cells", .timeLimit(.minutes(2)))
struct CellHealthTests {
    @Test("Each cell in use is a component; one that doesn't answer degrades the whole")
    func cells() async throws {
        try await Cloud.run { cloud in
            let idle = cloud.manager.health
            #expect(idle.status == .ready && idle.components.isEmpty && idle.name == "cells")
            _ = try await cloud.ask(Cloud.inCell1)
            _ = try await cloud.ask(Cloud.inCell2)
            let ready = await cloud.manager.checkHealth(timeout: .seconds(60))
            #expect(ready.status == .ready)
            #expect(ready.components.map(\.name) == ["\(Cloud.cell1) (cell1)", "\(Cloud.cell2) (cell2)"])
            cloud.mutes.setMuted(true, "one")
            // Long enough for the other cell to answer, however busy the machine is.
            try await waitUntil { await cloud.manager.checkHealth(timeout: .seconds(2)).status == .degraded }
            let muted = cloud.manager.health
            #expect(muted.isReady)
            let one = try #require(muted.components.first)
            #expect(one.status == .deaf && one.reason != nil && one.since > ready.since)
            #expect(muted.components.last?.status == .ready)
            // All of them: then nothing works.
            cloud.mutes.setMuted(true, "two")
            let all = await cloud.manager.checkHealth(timeout: .milliseconds(50))
            #expect(all.status == .deaf && !all.isReady)
            cloud.mutes.setMuted(false, "one")
            cloud.mutes.setMuted(false, "two")
            try await waitUntil { await cloud.manager.checkHealth(timeout: .seconds(60)).status == .ready }
        }
    }

    @Test("A cell whose silence was noticed by a call is deaf without a check")
    func silent() async throws {
        var configuration = CellConnectionConfiguration()
        configuration.silenceLimit = .milliseconds(50)
        try await Cloud.run(configuration: configuration) { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            cloud.mutes.setMuted(true, "one")
            _ = try? await cloud.ask(Cloud.inCell1, timeout: .milliseconds(200))
            try await waitUntil { cloud.manager.health.components.first?.status == .deaf }
            cloud.mutes.setMuted(false, "one")
            try await waitUntil { cloud.manager.health.status == .ready }
        }
    }

    @Test("A cell whose connection is lost, and one whose mapping can't be used, say so")
    func trouble() async throws {
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(20)
        try await Cloud.run(configuration: configuration) { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            cloud.mutes.cut("one", reason: "no route")
            let lost = cloud.manager.health
            #expect(lost.status == .connecting && lost.components.first?.reason == "no route")
            cloud.mutes.mend()
            try await cloud.update(Cloud.cell1, url: "{scheme}://three")
            try await waitUntil { cloud.manager.health.components.first?.status == .closed }
            #expect(cloud.manager.health.components.first?.reason?.contains("scheme") == true)
        }
    }

    @Test("A manager that has ended is closed")
    func ended() async throws {
        let cloud = try Cloud()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cloud.manager.run() }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(cloud.manager.health.status == .closed)
    }
}
