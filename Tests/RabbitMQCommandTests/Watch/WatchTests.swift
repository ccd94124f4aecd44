#if RabbitMQ && TLS
import Foundation
import Switchboard
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// A watch over hosts on a real broker: each kind of fault is told within two sweeps, and nothing that isn't one.
@Suite("Watch, hosts and cells on RabbitMQ", .timeLimit(.minutes(5)))
struct WatchTests {
    @Test("Each host is what it is, and a second sweep changes nothing of what is well")
    func classes() async throws {
        try await Bed.with { bed in
            let cloud = WatchedCloud()
            // A server that has ended leaves its queue, as does one whose consumer was cancelled.
            try await WatchedCloud.serving(bed, ["stopped"]) {}
            try await bed.plant(
                bed.declareQueue("compute.planted"),
                .bind(Binding(queue: "compute.planted", exchange: "nova", key: "compute.planted")))
            try await bed.withDeafServers {}
            try await cloud.addCell(
                1, bed.url(), hosts: ["host1", "planted", "stopped", "gone", "answers", "noping"])
            try await WatchedCloud.serving(bed, ["answers"]) {
                try await WatchedCloud.serving(bed, ["noping"], hasPing: false) {
                    try await cloud.watching { sweeps in
                        let first = try await sweeps.first()
                        #expect(
                            first == ["cell cell1, host gone: absent (nobody listens: the request was returned)"],
                            "\(first)")
                        let told = try await sweeps.next()
                        #expect(told.count == 3)
                        for host in ["host1", "planted", "stopped"] {
                            #expect(told.contains { $0.hasPrefix("cell cell1, host \(host): deaf (") })
                        }
                        #expect(sweeps.hostClass("answers") == .answering)
                        #expect(sweeps.hostClass("noping") == .noPing)
                        let third = try await sweeps.next()
                        #expect(third.isEmpty, "\(third)")
                    }
                    let checked = try await cloud.check()[WatchedCloud.id(1)]
                    #expect(
                        checked?.hosts.mapValues(\.hostClass) == [
                            "host1": .deaf, "planted": .deaf, "stopped": .deaf, "gone": .absent,
                            "answers": .answering, "noping": .noPing,
                        ])
                }
            }
        }
    }

    @Test("Where the exchange isn't there, all hosts are absent, and it isn't made; it is seen when it comes")
    func exchange() async throws {
        try await Bed.with { bed in
            let cloud = WatchedCloud()
            try await cloud.addCell(1, bed.url(), hosts: ["h1", "h2"])
            try await cloud.watching { sweeps in
                let first = try await sweeps.first()
                #expect(first.count == 2)
                for line in first {
                    #expect(
                        line.hasSuffix("absent (there is no exchange nova, so no host serves compute there)"), "\(line)"
                    )
                }
                _ = try await sweeps.next()
                let made = await Examination.of(bed.url(), topic: Examination.topic).step("exchange")
                #expect(made?.detail == "it is not there", "\(String(describing: made))")
                try await WatchedCloud.serving(bed, ["h1", "h2"]) {
                    let third = try await sweeps.next()
                    #expect(third.count == 2, "\(third)")
                    #expect(sweeps.hostClass("h1") == .answering && sweeps.hostClass("h2") == .answering)
                }
            }
        }
    }

    @Test("A host whose replies get lost, while it takes requests, is deaf until it is restarted")
    func lostReplies() async throws {
        try await Bed.with { bed in
            // May do what a server does but for replies, which go through the default exchange: to its caller that is a reply
            // queue that has gone.
            let user = "mute-\(bed.name)"
            try await bed.broker.addUser(user, password: "p")
            try await bed.broker.setPermissions(of: user, in: bed.name, write: "^(nova|compute.*)$")
            var url = bed.url()
            url.hosts[0].username = user
            url.hosts[0].password = "p"
            let cloud = WatchedCloud()
            try await cloud.addCell(1, bed.url(), hosts: ["h1", "h2"])
            try await WatchedCloud.serving(bed, ["h2"]) {
                try await cloud.watching { sweeps in
                    try await WatchedCloud.serving(bed, ["h1"], url: url) {
                        let first = try await sweeps.first()
                        #expect(first.isEmpty, "\(first)")
                        let second = try await sweeps.next()
                        #expect(second.first?.hasPrefix("cell cell1, host h1: deaf (") == true, "\(second)")
                    }
                    try await WatchedCloud.serving(bed, ["h1"]) {
                        let third = try await sweeps.next()
                        #expect(third.first?.hasPrefix("cell cell1, host h1: deaf → answering") == true, "\(third)")
                    }
                }
            }
            try await bed.broker.deleteUser(user)
        }
    }

    @Test("Servers that stop, come back and go: each change is told once")
    func changes() async throws {
        try await Bed.with { bed in
            let cloud = WatchedCloud()
            try await cloud.addCell(1, bed.url(), hosts: ["h1", "h2"])
            try await WatchedCloud.serving(bed, ["h2"]) {
                try await cloud.watching { sweeps in
                    try await WatchedCloud.serving(bed, ["h1"]) {
                        let calm = try await sweeps.first()
                        #expect(calm.isEmpty, "\(calm)")
                    }
                    let ended = try await sweeps.nextTwo()
                    #expect(ended.first?.hasPrefix("cell cell1, host h1: answering → deaf") == true, "\(ended)")
                    try await WatchedCloud.serving(bed, ["h1"]) {
                        let back = try await sweeps.next()
                        #expect(back.first?.contains("host h1: deaf → answering") == true, "\(back)")
                        let later = try await sweeps.next()
                        #expect(later.isEmpty, "\(later)")
                    }
                    try await bed.plant(.deleteQueue("compute.h1"))
                    let gone = try await sweeps.next()
                    #expect(gone.first?.contains("host h1: answering → absent") == true, "\(gone)")
                }
            }
        }
    }

    @Test("A cell has two connections at most, which are opened anew with every second sweep")
    func renewal() async throws {
        try await Bed.with { bed in
            let cloud = WatchedCloud(timeout: .seconds(20))
            try await cloud.addCell(1, bed.url(), hosts: ["h1"])
            try await WatchedCloud.serving(bed, ["h1"]) {
                func names() async throws -> Set<String> {
                    Set(try await bed.broker.connections(in: bed.name).map(\.name))
                }
                let others = try await names()
                try await cloud.watching { sweeps in
                    var seen: [Set<String>] = []
                    for number in 1...4 {
                        let told = number == 1 ? try await sweeps.first() : try await sweeps.next()
                        #expect(told.isEmpty, "\(told)")
                        seen.append(try await names().subtracting(others))
                    }
                    #expect(seen.allSatisfy { $0.count == 2 }, "\(seen)")
                    #expect(
                        seen[0] == seen[1] && seen[1].isDisjoint(with: seen[2]) && seen[2] == seen[3], "\(seen)")
                }
                try await bed.waits { try await names() == others }
            }
        }
    }

    @Test("A connection that is cut during or between sweeps is no news")
    func cutConnections() async throws {
        try await Bed.with { bed in
            let cloud = WatchedCloud(timeout: .seconds(20))
            let hosts = (0..<10).map { "h\($0)" }
            try await cloud.addCell(1, bed.url(), hosts: hosts)
            try await WatchedCloud.serving(bed, hosts) {
                try await cloud.watching { sweeps in
                    let first = try await sweeps.first()
                    #expect(first.isEmpty, "\(first)")
                    for _ in 1...3 {
                        try await bed.broker.cutConnections(in: bed.name)
                        let told = try await sweeps.next()
                        // The servers were cut as well: their queues are there, so none is absent.
                        #expect(told.isEmpty, "\(told)")
                    }
                    let later = try await sweeps.next()
                    #expect(later.isEmpty, "\(later)")
                    #expect(sweeps.states.counts == [.answering: 10])
                }
            }
            let left = try await bed.broker.queues(in: bed.name).filter { $0.name.hasPrefix("reply_") }
            #expect(!left.isEmpty && left.allSatisfy { $0.arguments["x-expires"] == "60000" })
        }
    }

    @Test(
        "A cell whose user may not do it any more, or is gone, is unreachable within two sweeps; others aren't touched"
    )
    func revoked() async throws {
        try await Bed.with { bed in
            try await Bed.with { other in
                let user = "watch-\(bed.name)"
                try await bed.broker.addUser(user, password: "p")
                try await bed.broker.setPermissions(of: user, in: bed.name)
                var url = bed.url()
                url.hosts[0].username = user
                url.hosts[0].password = "p"
                let cloud = WatchedCloud()
                try await cloud.addCell(1, url, hosts: ["h1", "h2"])
                try await cloud.addCell(2, other.url(), hosts: ["h3"])
                try await WatchedCloud.serving(bed, ["h1", "h2"]) {
                    try await WatchedCloud.serving(other, ["h3"]) {
                        try await cloud.watching { sweeps in
                            let first = try await sweeps.first()
                            #expect(first.isEmpty, "\(first)")
                            try await bed.broker.setPermissions(
                                of: user, in: bed.name, configure: "^$", write: "^$", read: "^$")
                            let told = try await sweeps.nextTwo()
                            #expect(told.count == 1)
                            #expect(
                                told.first?.hasPrefix("cell cell1: unreachable, with 2 hosts (") == true
                                    && told.first?.contains("p@") == false, "\(told)")
                            #expect(sweeps.states.counts == [.unreachable: 2, .answering: 1])
                            try await bed.broker.setPermissions(of: user, in: bed.name)
                            let again = try await sweeps.nextTwo()
                            #expect(again == ["cell cell1: reachable again"], "\(again)")
                            try await bed.broker.deleteUser(user)
                            let gone = try await sweeps.nextTwo()
                            #expect(gone.count == 1 && gone.first?.contains("unreachable") == true, "\(gone)")
                            #expect(sweeps.states.counts == [.unreachable: 2, .answering: 1])
                        }
                    }
                }
            }
        }
    }

    @Test("A small cloud of three cells: sweeps without faults tell nothing")
    func cloud() async throws {
        try await Bed.with { one in
            try await Bed.with { two in
                try await Bed.with { three in
                    let cloud = WatchedCloud(timeout: .seconds(20))
                    func hosts(_ number: Int) -> [String] { (0..<10).map { "c\(number)-h\($0)" } }
                    for (number, bed) in [(1, one), (2, two), (3, three)] {
                        try await cloud.addCell(number, bed.url(), hosts: hosts(number))
                    }
                    try await WatchedCloud.serving(one, hosts(1)) {
                        try await WatchedCloud.serving(two, hosts(2)) {
                            try await WatchedCloud.serving(three, hosts(3)) {
                                try await cloud.watching { sweeps in
                                    let first = try await sweeps.first()
                                    #expect(first.isEmpty, "\(first)")
                                    for _ in 1...10 {
                                        let calm = try await sweeps.next()
                                        #expect(calm.isEmpty, "\(calm)")
                                    }
                                    #expect(sweeps.states.counts == [.answering: 30])
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What happens to brokers of the test's own.
@Suite("Watch, brokers in trouble", .serialized, .timeLimit(.minutes(5)))
struct WatchTroubleTests {
    @Test("A broker that is stopped, hangs or comes back: its cell is told, not its hosts; the watch goes on")
    func broker() async throws {
        try await TestBroker.withBroker { broker in
            try await broker.withVirtualHost { name in
                let bed = Bed(broker: broker, name: name)
                try await Bed.with { other in
                    let cloud = WatchedCloud()
                    try await cloud.addCell(1, bed.url(), hosts: ["h1", "h2"])
                    try await cloud.addCell(2, other.url(), hosts: ["host1"])
                    try await other.serving {
                        try await cloud.watching { sweeps in
                            // Nobody serves them, which is another matter.
                            let first = try await sweeps.first()
                            #expect(first.count == 2, "\(first)")
                            broker.pause()
                            let hangs = try await sweeps.nextTwo()
                            broker.resume()
                            #expect(
                                hangs.count == 1
                                    && hangs[0].hasPrefix("cell cell1: unreachable, with 2 hosts ("), "\(hangs)")
                            #expect(sweeps.states.counts == [.unreachable: 2, .answering: 1])
                            try await comesBack(sweeps)
                            await broker.kill9()
                            let stopped = try await sweeps.nextTwo()
                            #expect(
                                stopped.count == 1 && stopped[0].contains("unreachable, with 2 hosts"),
                                "\(stopped)")
                            try await broker.startNode()
                            try await comesBack(sweeps)
                            #expect(sweeps.states.counts == [.absent: 2, .answering: 1])
                        }
                    }
                }
            }
        }
    }

    /// Waits until the cell is told to be reachable, and nothing else is told.
    private func comesBack(_ sweeps: Sweeps) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let told = try await sweeps.next()
            #expect(told.isEmpty || told == ["cell cell1: reachable again"], "\(told)")
            if !told.isEmpty { return }
            try #require(ContinuousClock.now < deadline)
        }
    }
}
#endif
