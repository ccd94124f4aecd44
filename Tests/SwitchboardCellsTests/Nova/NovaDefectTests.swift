import InMemoryLogging
import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

/// The defects of Nova's `target_cell` (nova-cells.md §2.3), each with what happens here.
@Suite("Nova's defects D1 to D8", .timeLimit(.minutes(2)))
struct NovaDefectTests {
    @Test("D1: cell1 and then cell0 in one process: cell0 never carries cell1's queue, in nobody's context")
    func d1() async throws {
        try await Cloud.run { cloud in
            let cell0 = try await cloud.directory.cell(.cell0)
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { inCell1 in
                let nested = try cloud.manager.targeted(inCell1, at: cell0)
                let fresh = try cloud.manager.targeted(RequestContext(), at: cell0)
                for context in [nested, fresh] {
                    let error = await #expect(throws: RPCError.self) { try await cloud.whereItGoes(context) }
                    #expect(error?.code == .noQueue)
                }
                let own = try await cloud.whereItGoes(cloud.manager.untargeted(nested))
                #expect(own == "own")
            }
        }
    }

    @Test("D2: a cell that cannot be aimed at leaves the context aimed as it was, whole")
    func d2() async throws {
        try await Cloud.run { cloud in
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { context in
                for url in ["nonesuch://x", "fake://a:99999/", "{nothing}://x"] {
                    let bad = CellMapping(id: .random(), name: "bad", transportURL: URLTemplate(url))
                    let code = try await cellErrorCode { try cloud.manager.targeted(context, at: bad) }
                    #expect(code == .badURL)
                }
                #expect(context.mqConnection.cellID == Cloud.cell1)
                let answer = try await cloud.whereItGoes(context)
                #expect(answer == "one")
            }
        }
    }

    @Test("D3: aiming changes nothing that other code of the task logs with")
    func d3() async throws {
        enum Ambient { @TaskLocal static var request = "outer" }
        try await Cloud.run { cloud in
            try await Ambient.$request.withValue("mine") {
                try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, RequestContext()) { context in
                    _ = try await cloud.whereItGoes(context)
                    #expect(Ambient.request == "mine")
                }
                #expect(Ambient.request == "mine")
                let found = try await cloud.manager.scatterGather(RequestContext()) { _, _ in Ambient.request }
                #expect(found.answers[Cloud.cell1] == "mine")
            }
        }
    }

    @Test("D4: every field survives, those that never travel too")
    func d4() async throws {
        try await Cloud.run { cloud in
            var context = RequestContext(userID: "u", projectID: "p", roles: ["member"], isAdmin: nil)
            context.authToken = "t0ken"
            context.userName = "un"
            context.projectName = "pn"
            context.domainID = "d"
            context.userDomainID = "ud"
            context.projectDomainID = "pd"
            context.systemScope = "all"
            context.isAdminProject = false
            context.remoteAddress = "192.0.2.1"
            context.quotaClass = "q"
            context.serviceCatalog = [["type": "image"]]
            context.globalRequestID = "req-g"
            context.resourceUUID = "r"
            context.readOnly = true
            context.showDeleted = true
            context.readDeleted = .only
            context.additional = ["service_token": "s", "domain_name": "dn", "user_auth_plugin": "x"]
            let before = context
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, context) { copy in
                #expect(copy.wireObject() == before.wireObject())
                #expect(copy.additional == before.additional)
                #expect(copy.serviceCatalog == before.serviceCatalog)
            }
            #expect(context.wireObject() == before.wireObject())
        }
    }

    @Test("D5: an empty transport URL is an error, never the process's own queue", arguments: ["", nil])
    func d5(_ url: String?) async throws {
        try await Cloud.run { cloud in
            let cell = CellMapping(id: .random(), name: "empty", transportURL: url.map { URLTemplate($0) })
            let code = try await cellErrorCode {
                try await cloud.manager.withTargetCell(cell, RequestContext()) { try await cloud.whereItGoes($0) }
            }
            #expect(code == .badURL)
        }
    }

    @Test("D6: only the scheme none means no queue; RPC to a cell without one fails at once and names it")
    func d6() async throws {
        try await Cloud.run { cloud in
            let odd = CellMapping(id: .random(), name: "odd", transportURL: "nonesuch://x")
            let code = try await cellErrorCode {
                try await cloud.manager.withTargetCell(odd, RequestContext()) { _ in }
            }
            #expect(code == .badURL)
            let none = CellMapping(id: .random(), name: "silent", transportURL: "none:///")
            try await cloud.manager.withTargetCell(none, RequestContext()) { context in
                let error = await #expect(throws: RPCError.self) { try await cloud.whereItGoes(context) }
                #expect(error?.code == .noQueue)
                #expect(error?.message.contains("silent") == true)
                let cast = await #expect(throws: RPCError.self) { try await cloud.client.cast("x", context: context) }
                #expect(cast?.code == .noQueue)
            }
        }
    }

    @Test("D7: a disabled cell is refused by aiming and skipped by scatter-gather, unless it is asked for")
    func d7() async throws {
        try await Cloud.run { cloud in
            try await cloud.update(Cloud.cell1, isDisabled: true)
            let code = try await cellErrorCode { try await cloud.ask(Cloud.inCell1) }
            #expect(code == .disabledCell)
            let found = try await cloud.manager.scatterGather(RequestContext()) { try await cloud.whereItGoes($1) }
            #expect(found[Cloud.cell1] == .skipped(.disabled))
            let asked = try await cloud.manager.withTargetCell(
                forInstance: Cloud.inCell1, RequestContext(), includingDisabled: true
            ) { try await cloud.whereItGoes($0) }
            #expect(asked == "one")
        }
    }

    @Test("D8: no description, dump, error, event or status shows a URL's secrets")
    func d8() async throws {
        let log = InMemoryLogHandler()
        var logger = Logger(label: "canary") { _ in log }
        logger.logLevel = .trace
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(20)
        try await Cloud.run(configuration: configuration, logger: logger) { cloud in
            var seen: [String] = []
            for url in [
                "fake://u:CANARY@x/", "rabbit://u:CANARY@h/v", "fake://one?password=CANARY", "rabbit://u:CANARY@[x/v",
            ] {
                let cell = CellMapping(
                    id: .random(), name: "c", transportURL: URLTemplate(url),
                    databaseConnection: "mysql://n:CANARY@h/n")
                seen += ["\(cell)", "\(cell as Any)", String(reflecting: cell)]
                var text = ""
                dump(cell, to: &text)
                seen.append(text)
                do {
                    try await cloud.manager.withTargetCell(cell, RequestContext()) { context in
                        seen += ["\(context)", "\(context.mqConnection)", "\(cloud.manager.status())"]
                        _ = try await cloud.whereItGoes(context, timeout: .milliseconds(50))
                    }
                } catch {
                    seen += ["\(error)", String(reflecting: error)]
                    dump(error, to: &text)
                    seen.append(text)
                }
            }
            let leaks = (seen + log.entries.map { "\($0)" }).filter { $0.contains("CANARY") }
            #expect(leaks.isEmpty, "\(leaks)")
        }
    }
}
