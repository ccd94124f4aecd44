import Foundation
import Logging
import SwitchboardCore
import SwitchboardSpool
import Testing

/// Descriptors outlive their paths: what is removed, renamed or replaced under a running process must neither take messages
/// that nobody will see nor leave subscribers deaf.
@Suite("A spool whose directories go away", .timeLimit(.minutes(5)))
struct SpoolPlaceTests {
    /// What somebody does to a spool that is in use.
    enum Deed: String, CaseIterable, CustomTestStringConvertible {
        case removeAll, renameAll, replaceByEmpty, replaceByCopy
        case removeTmp, removeOwners, removeQueues, removeBindings, removeDead, removeFormat, removeClock
        case removeQueue, renameQueue, removeReady, replaceReady, removeClaimed, removeConsumers, removeUsage
        case removeMessages

        var testDescription: String { rawValue }

        func act(_ directory: TemporaryDirectory, _ layout: String) throws {
            let files = FileManager.default
            let spool = directory.spool
            let queue = "\(spool)/queues/topic~nova~compute"
            let ready = "\(queue)/\(layout == "maildir" ? "new" : "segments")"
            let path: String
            switch self {
            case .removeAll: path = spool
            case .renameAll: return try files.moveItem(atPath: spool, toPath: "\(spool).old")
            case .replaceByEmpty:
                try files.moveItem(atPath: spool, toPath: "\(spool).old")
                return try files.createDirectory(
                    atPath: spool, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            case .replaceByCopy:
                // As a backup is restored.
                try files.copyItem(atPath: spool, toPath: "\(spool).new")
                try files.moveItem(atPath: spool, toPath: "\(spool).old")
                return try files.moveItem(atPath: "\(spool).new", toPath: spool)
            case .removeTmp: path = "\(spool)/tmp"
            case .removeOwners: path = "\(spool)/owners"
            case .removeQueues: path = "\(spool)/queues"
            case .removeBindings: path = "\(spool)/bindings"
            case .removeDead: path = "\(spool)/dead"
            case .removeFormat: path = "\(spool)/FORMAT"
            case .removeClock: path = "\(spool)/clock"
            case .removeQueue: path = queue
            case .renameQueue: return try files.moveItem(atPath: queue, toPath: "\(directory.path)/old")
            case .removeReady: path = ready
            case .replaceReady:
                try files.moveItem(atPath: ready, toPath: "\(directory.path)/old")
                return try files.createDirectory(atPath: ready, withIntermediateDirectories: false)
            case .removeClaimed: path = layout == "maildir" ? "\(queue)/claimed" : ready
            case .removeConsumers: path = "\(queue)/consumers"
            case .removeUsage: path = "\(queue)/usage"
            case .removeMessages:
                for name in try files.contentsOfDirectory(atPath: ready) {
                    try files.removeItem(atPath: "\(ready)/\(name)")
                }
                return
            }
            // What is in use may make new files in it meanwhile, which keeps it from being removed.
            let end = ContinuousClock.now + .seconds(20)
            while true {
                do { return try files.removeItem(atPath: path) } catch  where .now < end && access(path, F_OK) == 0 {}
            }
        }
    }

    static let layouts = ["maildir", "segment"]

    @Test("What is accepted afterwards is where the path leads", arguments: layouts, Deed.allCases)
    func publishing(layout: String, deed: Deed) async throws {
        for durability in ["full", "none"] {
            try await withDirectory { directory in
                let options = "layout=\(layout)&durability=\(durability)&rescan_seconds=3600"
                try await withTransport(directory, options) { transport in
                    try await transport.send("before", to: compute)
                    try deed.act(directory, layout)
                    for number in 0..<5 { try await transport.send("\(number)", to: compute) }
                    // Another process, which opens what is there now.
                    let found = try await withTransport(directory) { other in
                        try await other.send("end", to: compute)
                        return try await other.withSubscription(to: compute, options: SubscriptionOptions()) {
                            deliveries in
                            var texts: [String] = []
                            for try await delivery in deliveries {
                                texts.append(delivery.text)
                                try await delivery.accept()
                                if delivery.text == "end" { break }
                            }
                            return texts
                        }
                    }
                    #expect(
                        found.filter { $0 != "before" } == ["0", "1", "2", "3", "4", "end"], "durability \(durability)")
                }
            }
        }
    }

    @Test(
        "A subscriber gets what others publish afterwards, by what the kernel reports", arguments: layouts,
        Deed.allCases)
    func subscribing(layout: String, deed: Deed) async throws {
        try await withDirectory { directory in
            let options = "layout=\(layout)&rescan_seconds=3600"
            try await withTransport(directory, options) { transport in
                try await transport.withSubscription(to: compute, options: SubscriptionOptions()) { deliveries in
                    try await transport.send("before", to: compute)
                    #expect(try await deliveries.take(1) == ["before"])
                    try deed.act(directory, layout)
                    try await withTransport(directory, options) { other in
                        // Until the subscriber has declared its queue again, nobody has.
                        try await eventually("the message had a taker") {
                            let code = await code { try await other.send("after", to: compute, mandatory: true) }
                            return code == nil
                        }
                        #expect(try await deliveries.find("after"))
                    }
                    try await eventually("the spool was open again") { transport.state == .ready }
                }
            }
        }
    }

    @Test("A fanout and a mailbox go on in the spool as it was made again", arguments: layouts)
    func ephemeral(layout: String) async throws {
        let (fanout, mailbox) = (Address.fanout(Topic("compute")), Address.mailbox(Mailbox(named: "reply_1")))
        try await withDirectory { directory in
            let options = "layout=\(layout)&rescan_seconds=3600"
            try await withTransport(directory, options) { transport in
                try await transport.withSubscription(to: fanout, options: SubscriptionOptions()) { copies in
                    try await transport.withSubscription(to: mailbox, options: SubscriptionOptions()) { replies in
                        for deed in [Deed.removeAll, .removeQueues, .removeBindings] {
                            try deed.act(directory, layout)
                            for (address, deliveries) in [(fanout, copies), (mailbox, replies)] {
                                try await eventually("\(address) had a taker") {
                                    await code { try await transport.send("\(deed)", to: address, mandatory: true) }
                                        == nil
                                }
                                #expect(try await deliveries.take(1) == ["\(deed)"])
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("What cannot be made again is refused with the reason, and taken when it is back", arguments: layouts)
    func parentGone(layout: String) async throws {
        try await withDirectory { directory in
            let parent = "\(directory.path)/parent"
            let files = FileManager.default
            try files.createDirectory(atPath: parent, withIntermediateDirectories: false)
            let log = Lines()
            let transport = try makeTransport(
                "spool://\(parent)/spool?layout=\(layout)&durability=none&rescan_seconds=1",
                logger: Logger(label: "spool.test") { _ in log })
            let running = Task { try await transport.run() }
            try await transport.withSubscription(to: compute, options: SubscriptionOptions()) { deliveries in
                try await transport.send("before", to: compute)
                #expect(try await deliveries.take(1) == ["before"])
                try files.moveItem(atPath: parent, toPath: "\(parent).old")
                // A consumer that takes a message before it can be taken back has it, although its place was gone.
                var error: TransportError?
                for number in 0..<1000 where error == nil {
                    do {
                        try await transport.send("\(number)", to: compute, within: .milliseconds(700))
                        #expect(try await deliveries.find("\(number)"))
                    } catch let refusal as TransportError {
                        error = refusal
                    }
                }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("\(parent)/spool") == true, "\(error?.message ?? "")")
                guard case .connecting(_, let reason) = transport.state else {
                    Issue.record("The state is \(transport.state).")
                    return
                }
                #expect(reason?.contains("\(parent)/spool") == true)
                #expect(log.take().count { $0 == "Spool lost; it is opened again" } == 1)
                try files.createDirectory(atPath: parent, withIntermediateDirectories: false)
                try await transport.send("after", to: compute, within: .seconds(20))
                #expect(try await deliveries.take(1) == ["after"])
                #expect(log.take().contains("Spool opened again"))
            }
            running.cancel()
            try await running.value
            #expect(!files.fileExists(atPath: "\(parent).old/spool/queues/topic~nova~compute/new/refused"))
        }
    }

    @Test("A delivery whose queue is gone cannot be settled, and the error says why", arguments: layouts)
    func settling(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&rescan_seconds=3600") { transport in
                try await transport.withSubscription(to: compute, options: SubscriptionOptions()) { deliveries in
                    try await transport.send("held", to: compute)
                    var iterator = deliveries.makeAsyncIterator()
                    let held = try #require(try await iterator.next())
                    try Deed.renameAll.act(directory, layout)
                    try await eventually("the spool was made again") {
                        transport.state == .ready && FileManager.default.fileExists(atPath: directory.spool)
                    }
                    let error = await #expect(throws: TransportError.self) { try await held.accept() }
                    #expect(error?.code == .closed)
                    try await transport.send("next", to: compute)
                    #expect(try await iterator.next()?.text == "next")
                }
                // It went back to the queue it came from, wherever that is now.
                let old = try SpoolInspector(SpoolConfiguration(directory: "\(directory.spool).old"), logger: quiet)
                #expect(try old.messages(in: "topic~nova~compute").map { $0.message?.body } == [Array("held".utf8)])
                old.close()
            }
        }
    }

    @Test("Draining a spool that goes away ends with an error", arguments: layouts)
    func draining(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&rescan_seconds=3600") { transport in
                for number in 0..<3 { try await transport.send("\(number)", to: compute) }
                await #expect(throws: TransportError.self) {
                    var options = SubscriptionOptions(prefetch: 1)
                    options.isDrain = true
                    try await transport.withSubscription(to: compute, options: options) { deliveries in
                        var iterator = deliveries.makeAsyncIterator()
                        _ = try await iterator.next()
                        try Deed.removeAll.act(directory, layout)
                        while try await iterator.next() != nil {}
                    }
                }
            }
        }
    }
}
