#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// What only the management API tells: from RabbitMQ's own, and from listeners that say what it might.
@Suite("Doctor, the management API", .timeLimit(.minutes(5)))
struct ManagementTests {
    private static let url = TransportURL(
        scheme: "rabbit", hosts: [.init(username: "nova", password: "canary-of-management", name: "127.0.0.1")])

    private func answering(
        _ body: String, status: String = "200 OK", headers: String = "", _ check: (ManagementAPI) async throws -> Void
    ) async throws {
        let text = "HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await Listener.with(.answers(Array(text.utf8), hangsUp: false)) { listener in
            let address = try #require(ManagementAddress("http://127.0.0.1:\(listener.port)"))
            try await check(ManagementAPI(address, of: Self.url, timeout: .seconds(5)))
        }
    }

    @Test("A queue's numbers: unacknowledged, whether anything is acknowledged, and the time of its head")
    func queue() async throws {
        let stuck =
            #"{"messages_unacknowledged": 7, "head_message_timestamp": 1700000000, "message_stats": {"deliver": 7}}"#
        try await answering(stuck) { api in
            let queue = try #require(try await api.queue("q", in: "/"))
            #expect(queue.unacknowledged == 7 && queue.isAcknowledging == false)
            #expect(queue.headTimestamp == 1_700_000_000)
        }
        let busy = #"{"messages_unacknowledged": 7, "message_stats": {"ack_details": {"rate": 0.4}}}"#
        try await answering(busy) { api in
            let queue = try #require(try await api.queue("q", in: "/"))
            #expect(queue.isAcknowledging == true && queue.headTimestamp == nil)
        }
        // Numbers that come with a later look.
        try await answering(#"{"messages_unacknowledged": 1}"#) { api in
            let queue = try #require(try await api.queue("q", in: "/"))
            #expect(queue.isAcknowledging == nil)
        }
    }

    @Test(
        "What isn't an answer is a reason, without the password", arguments: ["401 Unauthorized", "500 Oops", "200 OK"])
    func refused(status: String) async throws {
        try await answering("no JSON", status: status) { api in
            let error = await #expect(throws: ManagementError.self) { try await api.get("/api/overview") }
            #expect(error?.reason.contains("canary") == false)
        }
        try await answering("{}", status: "404 Object Not Found") { api in
            let queue = try await api.queue("q", in: "/")
            #expect(queue == nil)
        }
    }

    @Test("An API that is silent, hangs up, sends noise or is not there costs its time only")
    func unreachable() async throws {
        for manner in [Listener.Manner.silent, .closes, .answers([0, 255, 13, 10, 13, 10], hangsUp: true)] {
            try await Listener.with(manner) { listener in
                let address = try #require(ManagementAddress("http://127.0.0.1:\(listener.port)"))
                let api = ManagementAPI(address, of: Self.url, timeout: .milliseconds(500))
                let error = await #expect(throws: ManagementError.self) { try await api.get("/api/overview") }
                #expect(error?.reason.isEmpty == false)
            }
        }
        try await Bed.with { bed in
            let port = try LoopbackPort.free(1)[0]
            try await bed.serving {
                let results = await Examination.of(bed.url(), topic: Examination.topic, server: "host1") { doctor in
                    doctor.management = ManagementAddress("http://127.0.0.1:\(port)")
                }
                results.expectWell()
                #expect(results.step("clock")?.status == .skipped)
                #expect(results.step("clock")?.detail.contains("can't be reached") == true)
            }
        }
    }

    @Test("Over TLS with the authority of the URL, and not with another one")
    func overTLS() async throws {
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".utf8)
        try await Listener.with(.tls("good", answer: answer)) { listener in
            let address = try #require(ManagementAddress("https://127.0.0.1:\(listener.port)"))
            for (authority, isTrusted) in [("ca", true), ("stranger", false)] {
                var url = Self.url
                url.options = [.init("ssl_ca_file", Equipment.file("\(authority).pem"))]
                let api = ManagementAPI(address, of: url, timeout: .seconds(5))
                if isTrusted {
                    #expect(try await api.get("/api/overview") == [:])
                } else {
                    await #expect(throws: ManagementError.self) { try await api.get("/api/overview") }
                }
            }
        }
    }

    @Test("Clocks are compared to the second that HTTP tells")
    func clock() async throws {
        let header = "Date: Sun, 29 Nov 2026 18:00:00 GMT\r\n"
        let theirs = 1_795_975_200.0
        for (own, skew) in [(0.2, 0.0), (0.9, 0), (11, 10), (-8, 8)] {
            try await answering("{}", headers: header) { api in
                let found = try await api.clockSkew { theirs + own }
                #expect(abs(found - skew) < 0.001, "\(own): \(found)")
            }
        }
        try await answering("{}") { api in
            await #expect(throws: ManagementError.self) { try await api.clockSkew { 0 } }
        }
    }

    @Test("Consumers that hold messages and acknowledge none are a warning; an old head is one too")
    func hanging() async throws {
        let body =
            #"{"messages_unacknowledged": 7, "head_message_timestamp": 1700000000, "message_stats": {"deliver": 7}}"#
        try await answering(body) { api in
            let object = InspectedObject(
                kind: .queue, name: "compute", isDurable: true, isTransient: false, state: .fitting, ready: 3,
                consumers: 1)
            var doctor = Doctor(target: .init(topic: Examination.topic))
            doctor.now = { 1_700_000_100 }
            let checks = TopicChecks(
                doctor: doctor, topic: Examination.topic, virtualHost: "v", topology: .osloDefaults,
                takesOtherDurability: false, objects: [object])
            var findings = DoctorFindings()
            await checks.look(api, &findings)
            findings.results.expectFirst("consumers", "hold 7 messages and acknowledge none", status: .warning)
            #expect(findings.results.step("backlog")?.status == .warning)
            #expect(findings.results.step("backlog")?.detail == "3 waiting; the oldest is 100 s old")
        }
    }

    @Test(
        "Only an address without a user and a path is one",
        arguments: [
            ("http://h:1", "h:1"), ("http://h", "h:15672"), ("https://h/", "h:15671"), ("http://[::1]:9", "[::1]:9"),
            ("h:15672", nil), ("ftp://h", nil), ("http://u:p@h", nil), ("http://h/api", nil), ("http://h:0", nil),
        ] as [(String, String?)])
    func address(text: String, shown: String?) {
        #expect(ManagementAddress(text)?.text == shown)
    }
}
#endif
