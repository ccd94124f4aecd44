#if RabbitMQ
import SwitchboardTesting
import Testing

/// The answers of a broker, at each of which something can go wrong.
enum Stage: String, Sendable, CaseIterable {
    case start, tune, open, channelOpen, confirmSelect, prefetch, declare, consume, publish
    /// When a consumer has one, before the first message that is in order.
    case delivery
    case channelClose, close
}

/// One thing that a broker does and must not do.
struct Mischief: Sendable, CustomTestStringConvertible {
    enum Manner: Sendable {
        case atOnce, thenSilence, thenClose, drip
    }

    /// What must come of it.
    enum Outcome: Sendable {
        /// No crash, no hang, bounded memory, a clear error where there is one. Holds for every mischief.
        case harmless
        /// It is one message's matter: that one is rejected for good, the next one comes, and no connection is lost.
        case rejected
        /// It is in order after all: everything is as with a good broker.
        case taken
    }

    /// Where in the conversation it is.
    struct Situation {
        var channel: UInt16
        var consumer: String
        /// What a good broker would answer.
        var right: [UInt8]
        var nextTag: () -> UInt64
        /// The tag of the last publish.
        var confirmTag: UInt64
    }

    var name: String
    var stage: Stage
    var outcome = Outcome.harmless
    var manner = Manner.atOnce
    var seed: UInt64 = 0
    /// What is sent in place of the right answer.
    var bytes: @Sendable (Situation, inout SeededGenerator) -> [UInt8]

    var testDescription: String { "\(stage): \(name)" }
}

extension Mischief {
    static let all: [Mischief] = everywhere + handshakes + contents + confirms + channels

    /// What can be done at every answer.
    private static let everywhere: [Mischief] = Stage.allCases.flatMap { stage -> [Mischief] in
        [
            Mischief(name: "nothing", stage: stage, manner: .thenSilence) { _, _ in [] },
            Mischief(name: "the socket is closed", stage: stage, manner: .thenClose) { _, _ in [] },
            Mischief(name: "half of the answer, then the end", stage: stage, manner: .thenClose) { situation, _ in
                Array(situation.right.prefix(situation.right.count / 2))
            },
            Mischief(name: "half of the answer, then silence", stage: stage, manner: .thenSilence) { situation, _ in
                Array(situation.right.prefix(5))
            },
            Mischief(name: "the answer in single bytes", stage: stage, outcome: .taken, manner: .drip) {
                situation, _ in
                situation.right
            },
            Mischief(name: "random bytes", stage: stage, seed: 1) { _, generator in
                (0..<2000).map { _ in UInt8.random(in: 0...255, using: &generator) }
            },
            Mischief(name: "frames of random bytes", stage: stage, seed: 2) { situation, generator in
                (0..<20).flatMap { _ -> [UInt8] in
                    let payload = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                    return AMQPBytes.frame(
                        type: [1, 1, 2, 3].randomElement(using: &generator)!, channel: situation.channel, payload)
                }
            },
            Mischief(name: "the answer with one byte changed", stage: stage, seed: 3) { situation, generator in
                guard !situation.right.isEmpty else { return [0xFF] }
                var right = situation.right
                right[Int.random(in: right.indices, using: &generator)] ^= UInt8.random(
                    in: 1...255, using: &generator)
                return right
            },
            Mischief(name: "a frame that says it is 4 GiB long", stage: stage) { situation, _ in
                AMQPBytes.frame(type: 1, channel: situation.channel, [0, 10, 0, 10], length: .max)
            },
            Mischief(name: "the connection is closed with a reason", stage: stage) { _, _ in
                AMQPBytes.close(320, Array("CONNECTION_FORCED - \u{1B}[31m\u{0}\n\u{202E}".utf8) + [0xFF, 0xFE])
            },
            Mischief(name: "heartbeats on 64,000 channels", stage: stage) { situation, _ in
                (0..<64_000).flatMap { AMQPBytes.frame(type: 8, channel: $0, []) } + situation.right
            },
            Mischief(name: "methods on channels that nobody opened", stage: stage) { situation, _ in
                (100..<2000).flatMap { AMQPBytes.method(20, 11, channel: $0, [0, 0, 0, 0]) } + situation.right
            },
        ]
    }

    private static let handshakes: [Mischief] =
        [
            Mischief(name: "another protocol", stage: .start) { _, _ in Array("AMQP".utf8) + [3, 1, 0, 0] },
            Mischief(name: "a web page", stage: .start) { _, _ in Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) },
            Mischief(name: "TLS", stage: .start) { _, _ in [21, 3, 3, 0, 2, 2, 70] },
            Mischief(name: "no login method", stage: .start) { _, _ in AMQPBytes.start(mechanisms: "") },
            Mischief(name: "an unknown login method", stage: .start) { _, _ in AMQPBytes.start(mechanisms: "GSSAPI")
            },
            Mischief(name: "properties nested a thousand times", stage: .start) { _, _ in
                AMQPBytes.start(properties: AMQPBytes.nested(1000))
            },
            Mischief(name: "properties that end too early", stage: .start) { _, _ in
                AMQPBytes.start(properties: [7, 1, 2])
            },
            Mischief(name: "a second start", stage: .tune) { _, _ in AMQPBytes.start() },
            Mischief(name: "a question for more of the login", stage: .tune) { _, _ in
                AMQPBytes.method(10, 20, AMQPBytes.longText("more?"))
            },
            Mischief(name: "the open comes before the tune", stage: .tune) { _, _ in AMQPBytes.openOK },
        ]
        + [0, 1, 100, 4095].map { frameMax in
            Mischief(
                name: "frames of at most \(frameMax) bytes", stage: .tune,
                outcome: frameMax == 0 ? .taken : .harmless
            ) { _, _ in
                AMQPBytes.tune(frameMax: frameMax)
            }
        }
        + [4096, 131_072, 1 << 20, 1 << 31, UInt32.max].map { frameMax in
            Mischief(name: "frames of at most \(frameMax) bytes", stage: .tune, outcome: .taken) { _, _ in
                AMQPBytes.tune(frameMax: frameMax)
            }
        }
        + [(0, Outcome.taken), (1, .harmless), (2, .taken), (65535, .taken)].map { channelMax, outcome in
            Mischief(name: "at most \(channelMax) channels", stage: .tune, outcome: outcome) { _, _ in
                AMQPBytes.tune(channelMax: channelMax)
            }
        }
        + [0, 1, 65535].map { heartbeat in
            Mischief(name: "a heartbeat of \(heartbeat) s", stage: .tune, outcome: .taken) { _, _ in
                AMQPBytes.tune(heartbeat: heartbeat)
            }
        }
        + [
            Mischief(name: "the login is refused", stage: .tune) { _, _ in
                AMQPBytes.close(403, Array("ACCESS_REFUSED - Login was refused".utf8))
            },
            Mischief(name: "the virtual host is refused", stage: .open) { _, _ in
                AMQPBytes.close(530, Array("NOT_ALLOWED - vhost / not found".utf8))
            },
            Mischief(name: "blocked and unblocked ten thousand times", stage: .open, outcome: .taken) {
                situation, _ in
                situation.right
                    + (0..<10_000).flatMap { _ in
                        AMQPBytes.method(10, 60, AMQPBytes.shortText("x")) + AMQPBytes.method(10, 61)
                    }
            },
            Mischief(name: "a password is taken over that was not given", stage: .open) { situation, _ in
                situation.right + AMQPBytes.method(10, 71)
            },
        ]

    private static let confirms: [Mischief] =
        [
            ("confirms a tag that was never given", UInt16(80), UInt64(1_000_000)),
            ("confirms the greatest tag", 80, .max),
            ("refuses a tag that was never given", 120, .max),
        ].map { name, method, tag in
            Mischief(name: name, stage: .publish) { situation, _ in
                AMQPBytes.method(60, method, channel: situation.channel, AMQPBytes.integer(tag) + [0])
            }
        }
        + [
            Mischief(name: "confirms all with tag 0", stage: .publish, outcome: .taken) { situation, _ in
                AMQPBytes.method(60, 80, channel: situation.channel, AMQPBytes.integer(0 as UInt64) + [1])
            },
            Mischief(name: "confirms everything twice", stage: .publish, outcome: .taken) { situation, _ in
                situation.right + situation.right
            },
            Mischief(name: "refuses every message", stage: .publish) { situation, _ in
                AMQPBytes.method(60, 120, channel: situation.channel, AMQPBytes.integer(situation.confirmTag) + [0])
            },
            Mischief(name: "returns what was not sent, ten thousand times", stage: .publish) { situation, _ in
                (0..<10_000).flatMap { _ in
                    AMQPBytes.returned(channel: situation.channel, exchange: "other")
                        + AMQPBytes.content(channel: situation.channel, [1, 2, 3])
                } + situation.right
            },
            Mischief(name: "returns a message of 2^64 - 1 bytes", stage: .publish) { situation, _ in
                AMQPBytes.returned(channel: situation.channel)
                    + AMQPBytes.contentHeader(channel: situation.channel, bodySize: .max)
                    + (0..<100).flatMap { _ in
                        AMQPBytes.body(channel: situation.channel, [UInt8](repeating: 1, count: 100_000))
                    }
            },
            Mischief(name: "returns a message without its content", stage: .publish) { situation, _ in
                AMQPBytes.returned(channel: situation.channel) + situation.right
            },
            Mischief(name: "a delivery on the publishing connection", stage: .publish) { situation, _ in
                AMQPBytes.deliver(channel: situation.channel, consumer: "1", tag: 1)
                    + AMQPBytes.content(channel: situation.channel, [1]) + situation.right
            },
        ]

    private static let channels: [Mischief] =
        [200, 403, 404, 405, 406, 541, 65535].flatMap { code -> [Mischief] in
            [Stage.confirmSelect, .declare, .consume, .publish, .delivery].map { stage in
                Mischief(name: "the channel is closed with \(code)", stage: stage) { situation, _ in
                    AMQPBytes.close(
                        UInt16(code), Array("NOT_FOUND - no 'x' in vhost '/'".utf8), channel: situation.channel)
                }
            }
        }
        + [
            Mischief(name: "a channel that is open is said to be closed", stage: .delivery) { situation, _ in
                AMQPBytes.method(20, 41, channel: situation.channel)
            },
            Mischief(name: "the consumer is cancelled a thousand times", stage: .delivery) { situation, _ in
                (0..<1000).flatMap { _ in
                    AMQPBytes.method(
                        60, 30, channel: situation.channel, AMQPBytes.shortText(situation.consumer) + [0])
                }
            },
            Mischief(name: "the control channel is opened a thousand times", stage: .declare) { situation, _ in
                (0..<1000).flatMap { _ in AMQPBytes.method(20, 11, channel: situation.channel, [0, 0, 0, 0]) }
                    + situation.right
            },
            Mischief(name: "flow is turned off and on, and the answers are not read", stage: .delivery) {
                situation, _ in
                (0..<20_000).flatMap { AMQPBytes.method(20, 20, channel: situation.channel, [UInt8($0 % 2)]) }
            },
            Mischief(name: "declarations that nobody made", stage: .publish) { situation, _ in
                AMQPBytes.method(40, 11, channel: 2) + situation.right
            },
        ]
}
#endif
