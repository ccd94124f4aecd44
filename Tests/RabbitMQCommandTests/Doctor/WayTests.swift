#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// What is wrong on the way to a broker. The first line that fails names the cause.
@Suite("Doctor, the way to the broker", .timeLimit(.minutes(5)))
struct WayTests {
    private func url(port: Int, scheme: String = "rabbit", _ options: [TransportURL.Option] = []) -> TransportURL {
        TransportURL(
            scheme: scheme,
            hosts: [.init(username: "nova", password: "canary-of-the-way", name: "127.0.0.1", port: port)],
            virtualHost: "v", options: options)
    }

    @Test("A scheme that no driver speaks, and an option that none has", arguments: ["rabbitmq", "http", "amqp+ssl"])
    func scheme(_ scheme: String) async throws {
        await Examination.of(url(port: 1, scheme: scheme)).expectFirst("url", scheme, "rabbit://")
        let plural = url(port: 1, [.init("rabbit_quorum_queues", "true")])
        await Examination.of(plural).expectFirst("url", "rabbit_quorum_queues", "rabbit_quorum_queue")
        let file = url(port: 1, scheme: "amqps", [.init("ssl_ca_file", "/no/such/file")])
        await Examination.of(file).expectFirst("url", "ssl_ca_file")
    }

    @Test("A host that nobody knows")
    func unresolvable() async throws {
        var url = url(port: 5672)
        url.hosts[0].name = "nowhere.invalid"
        await Examination.of(url).expectFirst("resolve", "nowhere.invalid", "/etc/hosts")
    }

    @Test("A port on which nobody listens")
    func refused() async throws {
        let port = try LoopbackPort.free(1)[0]
        await Examination.of(url(port: port)).expectFirst("tcp", "Connection refused", "\(port)")
    }

    @Test("A port that takes connections and sends nothing, without TLS and with it")
    func silent() async throws {
        try await Listener.with(.silent) { listener in
            await Examination.of(url(port: listener.port)) { $0.timeout = .seconds(1) }
                .expectFirst("login", "sends nothing")
            await Examination.of(url(port: listener.port, scheme: "amqps")) { $0.timeout = .seconds(1) }
                .expectFirst("tls", "doesn't answer")
        }
    }

    @Test("A port that hangs up")
    func closes() async throws {
        try await Listener.with(.closes) { listener in
            await Examination.of(url(port: listener.port)).expectFirst("login", "doesn't speak AMQP 0-9-1")
        }
    }

    @Test("A port of another protocol")
    func otherProtocol() async throws {
        let http = Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8)
        try await Listener.with(.answers(http, hangsUp: true)) { listener in
            await Examination.of(url(port: listener.port)).expectFirst("login", "speaks HTTP", "management")
        }
        try await Listener.with(.answers(Array("AMQP".utf8) + [0, 1, 0, 0], hangsUp: true)) { listener in
            await Examination.of(url(port: listener.port)).expectFirst("login", "another version of AMQP")
        }
        try await Listener.with(.answers(Array("SSH-2.0-OpenSSH\r\n".utf8), hangsUp: false)) { listener in
            await Examination.of(url(port: listener.port)).expectFirst("login", "doesn't speak AMQP 0-9-1")
        }
    }

    @Test("Bytes that only look like AMQP end the look, and nothing else", arguments: 0..<40)
    func garbage(seed: UInt64) async throws {
        var generator = SeededGenerator(seed)
        let length = Int.random(in: 1...200, using: &generator)
        let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
        // A method on channel 0, of any length it says.
        let bytes = [1, 0, 0, 0, 0, 0, UInt8.random(in: 0...255, using: &generator)] + noise
        try await Listener.with(.answers(bytes, hangsUp: seed % 2 == 0)) { listener in
            let results = await Examination.of(url(port: listener.port)) { $0.timeout = .milliseconds(500) }
            #expect(results.first?.step == "login")
        }
    }

    // MARK: TLS

    private static let authority = TransportURL.Option("ssl_ca_file", Equipment.file("ca.pem"))

    @Test("A certificate for another name")
    func wrongName() async throws {
        try await Listener.with(.tls("elsewhere")) { listener in
            await Examination.of(url(port: listener.port, scheme: "amqps", [Self.authority]))
                .expectFirst("tls", "another name than 127.0.0.1", "elsewhere.example")
        }
    }

    @Test("A certificate that has expired")
    func expired() async throws {
        try await Listener.with(.tls("expired")) { listener in
            await Examination.of(url(port: listener.port, scheme: "amqps", [Self.authority]))
                .expectFirst("tls", "has expired", "Renew")
        }
    }

    @Test("A certificate of an authority that isn't trusted")
    func untrusted() async throws {
        try await Listener.with(.tls("good")) { listener in
            let stranger = TransportURL.Option("ssl_ca_file", Equipment.file("stranger.pem"))
            await Examination.of(url(port: listener.port, scheme: "amqps", [stranger]))
                .expectFirst("tls", "not signed by an authority that is trusted", "ssl_ca_file")
        }
    }

    @Test("A broker that wants a certificate, and one that is silent behind TLS")
    func insideTLS() async throws {
        try await Listener.with(.tls("good", wantsCertificate: true)) { listener in
            let results = await Examination.of(url(port: listener.port, scheme: "amqps", [Self.authority]))
            let step = try #require(results.first?.step)
            // TLS 1.3 is complete for the client before the broker looks at its certificate.
            #expect(["tls", "login"].contains(step))
            results.expectFirst(step, "ssl_cert_file")
        }
        try await Listener.with(.tls("good")) { listener in
            await Examination.of(url(port: listener.port, scheme: "amqps", [Self.authority])) {
                $0.timeout = .seconds(1)
            }
            .expectFirst("login", "sent nothing within", "proxy")
        }
    }

    @Test("TLS at a port without it, and none at a port with it")
    func otherPort() async throws {
        try await Bed.with { bed in
            await Examination.of(url(port: bed.broker.port, scheme: "amqps", [Self.authority]))
                .expectFirst("tls", "speaks AMQP without TLS")
            let tlsPort = try #require(bed.broker.tlsPort)
            await Examination.of(url(port: tlsPort)).expectFirst("login", "speaks TLS", "amqps://")
        }
    }

    @Test("A certificate that will expire soon is a warning, and sooner a failure")
    func expiring() async throws {
        try await Bed.with { bed in
            var url = bed.broker.url(virtualHost: bed.name, scheme: "amqps")
            url.options = Examination.options + [Self.authority]
            let well = await Examination.of(url)
            well.expectWell()
            let end = try #require(well.step("tls")?.measurements.first?.value)
            #expect(end > 86_400 * 365 && well.step("tls")?.detail.contains("chain of") == true)
            for (days, status) in [(20, CheckStatus.warning), (3, .failed)] {
                let results = await Examination.of(url) { doctor in
                    let then = Date.now.timeIntervalSince1970 + end - Double(days * 86_400)
                    doctor.now = { then }
                }
                results.expectFirst("tls", "more days", "Renew", status: status)
            }
        }
    }

    // MARK: Login

    @Test("A wrong password, an unknown user, a method that isn't offered")
    func login() async throws {
        try await Bed.with { bed in
            let wrong = bed.broker.url(virtualHost: bed.name, password: "wrong-canary")
            await Examination.of(wrong).expectFirst("login", "403", "password")
            let unknown = bed.broker.url(virtualHost: bed.name, username: "nobody", password: "wrong-canary")
            await Examination.of(unknown).expectFirst("login", "403")
            let method = bed.url([.init("rabbit_login_method", "EXTERNAL")])
            await Examination.of(method).expectFirst("login", "EXTERNAL", "rabbit_login_method")
        }
    }

    @Test("A virtual host that isn't there, and one that the user may not enter")
    func virtualHost() async throws {
        try await Bed.with { bed in
            await Examination.of(bed.broker.url(virtualHost: "lost")).expectFirst("virtual-host", "lost", "list_vhosts")
            try await bed.broker.addUser("outsider-\(bed.name)", password: "outsider-canary")
            let outsider = bed.broker.url(
                virtualHost: bed.name, username: "outsider-\(bed.name)", password: "outsider-canary")
            await Examination.of(outsider).expectFirst("virtual-host", "refused", "list_permissions")
        }
    }

    @Test("One of two hosts is down: a warning, as programs use the other one")
    func oneOfTwo() async throws {
        try await Bed.with { bed in
            var url = bed.url()
            var down = url.hosts[0]
            down.port = try LoopbackPort.free(1)[0]
            url.hosts.insert(down, at: 0)
            let results = await Examination.of(url)
            results.expectFirst("tcp", "Connection refused", status: .warning)
            #expect(results.count { $0.status == .warning } == 1 && results.step("round-trip")?.status == .ok)
            url.hosts.removeLast()
            await Examination.of(url).expectFirst("tcp", "Connection refused")
        }
    }
}
#endif
