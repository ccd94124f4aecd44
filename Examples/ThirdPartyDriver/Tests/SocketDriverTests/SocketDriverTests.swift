import Foundation
import SwitchboardCore
import Testing

@testable import SocketDriver

@Suite("The socket driver", .timeLimit(.minutes(1)))
struct SocketDriverTests {
    private static let topic = Topic("orders", exchange: "shop")

    private func transport(to path: String) throws -> Transport {
        try Transport(TransportURL("unix://\(path)"), drivers: DriverRegistry(.socket()), logger: quiet)
    }

    private static let frames: [Frame] = [
        .publish(
            1, .server(topic, server: "one"),
            Message(body: Array(0...255), headers: ["a": "b", "": ""], timeToLive: .milliseconds(1500)),
            mandatory: true, milliseconds: 250),
        .publish(2, .mailbox(Mailbox(named: "ü")), Message(body: []), mandatory: false, milliseconds: 0),
        .subscribe(3, .pool("audit", of: topic), prefetch: 7), .subscribe(4, .fanout(topic), prefetch: 1),
        .subscribe(5, .topic(topic), prefetch: 1), .subscribe(6, .notifications(topic), prefetch: 1),
        .pause(.max), .unsubscribe(8, subscription: 9), .settle(subscription: 1, delivery: 2, .accept),
        .settle(subscription: 1, delivery: 2, .requeue), .settle(subscription: 1, delivery: 2, .release),
        .settle(subscription: 1, delivery: 2, .discard(reason: "bad")),
        .done(0), .failed(1, code: "unroutable", message: "Nobody."),
        .delivery(
            subscription: 1, delivery: 2, attempt: 3, isRedelivered: true,
            Message(body: [1, 2], contentType: "x", contentEncoding: "y")),
    ]

    @Test("A frame reads back as it was written", arguments: frames)
    func roundTrip(_ frame: Frame) {
        let bytes = frame.bytes
        #expect(bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) } == bytes.count - 4)
        #expect(Frame(Array(bytes.dropFirst(4))) == frame)
    }

    @Test("A peer's bytes never trap: cut short, lengthened and changed frames are frames or none")
    func hostileBytes() {
        var generator = SystemRandomNumberGenerator()
        for frame in Self.frames {
            let body = Array(frame.bytes.dropFirst(4))
            for length in 0..<body.count { #expect(Frame(Array(body.prefix(length))) == nil) }
            #expect(Frame(body + [0]) == nil)
            for _ in 0..<2000 {
                var changed = body
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    changed[Int.random(in: changed.indices, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                // Whatever it is, reading it back from what it writes gives the same.
                if let read = Frame(changed) { #expect(Frame(Array(read.bytes.dropFirst(4))) == read) }
            }
        }
    }

    @Test(
        "A URL that no socket has is refused with what to write",
        arguments: [
            ("unix://host/run/hub.sock", TransportError.Code.invalidURL, "no host"),
            ("unix://", .invalidURL, "absolute"),
            ("unix:///run/\(String(repeating: "x", count: 120))", .invalidURL, "107"),
            ("unix:///run/hub.sock?timeout=5", .invalidOption, "timeout"),
        ])
    func badURLs(_ text: String, _ code: TransportError.Code, _ part: String) throws {
        let error = try #require(throws: TransportError.self) { _ = try SocketDriver(TransportURL(text)) }
        #expect(error.code == code)
        #expect(error.message.contains(part), "\(error)")
    }

    @Test("Without a hub a publish fails at its deadline, with the path and the reason")
    func noHub() async throws {
        let transport = try transport(to: "/nonexistent/hub.sock")
        let run = Task { try await transport.run() }
        defer { run.cancel() }
        for await state in transport.states() {
            if case .connecting(_, _?) = state { break }
        }
        let error = await #expect(throws: TransportError.self) {
            try await transport.publish(
                Message(body: []), to: .topic(Self.topic), deadline: .now + .milliseconds(50))
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("/nonexistent/hub.sock") == true)
        #expect(error?.message.contains("No such file") == true)
    }

    @Test("Two hubs cannot have one socket; one that has died leaves its place")
    func places() async throws {
        try await withHub { hub in
            let second = try SocketHub(path: hub.path, logger: quiet)
            let error = await #expect(throws: TransportError.self) { try await second.run() }
            #expect(error?.code == .conflict)
            try await hub.stop()
            // What a killed hub leaves behind.
            #expect(FileManager.default.createFile(atPath: hub.path, contents: nil))
            try await hub.start()
        }
    }

    @Test("A peer that speaks no frames is cut off, and the others are served")
    func strangePeer() async throws {
        try await withHub { hub in
            let stranger = try SocketPath(hub.path).connect()
            stranger.send(.done(1))
            for await frame in stranger.frames() { Issue.record("The hub answered \(frame).") }
            let transport = try transport(to: hub.path)
            let run = Task { try await transport.run() }
            defer { run.cancel() }
            try await transport.publish(
                Message(body: []), to: .notifications(Self.topic), deadline: .now + .seconds(20))
        }
    }
}
