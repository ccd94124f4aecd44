#if RabbitMQ
import SwitchboardTesting

/// What can be wrong with a message.
extension Mischief {
    private typealias Bytes = AMQPBytes

    static let contents: [Mischief] = rejected + taken + violations

    /// Its frames are in order, and it cannot be taken: a matter of this message alone.
    private static let rejected: [Mischief] =
        [131_072 - 7, 200_000, 1_000_000, 10_000_000].map { size in
            message("headers of \(size) bytes", .rejected, size: 3) { channel in
                let value = [UInt8](repeating: 120, count: size - 24)
                let table = Bytes.shortText("x") + [UInt8(ascii: "S")] + Bytes.longText(value)
                return Bytes.contentHeader(channel: channel, bodySize: 3, properties: Bytes.headers(table))
            }
        }
        + [65, 1000, 20_000].flatMap { depth in
            [false, true].map { array in
                message("\(array ? "arrays" : "tables") nested \(depth) times", .rejected, size: 3) { channel in
                    // Longer than what cannot be deep, however it is nested.
                    let filler =
                        Bytes.shortText("y") + [UInt8(ascii: "S")]
                        + Bytes.longText([UInt8](repeating: 1, count: 2048))
                    return Bytes.contentHeader(
                        channel: channel, bodySize: 3,
                        properties: Bytes.headers(filler + Bytes.nested(depth, array: array)))
                }
            }
        }
        + [
            ("a value of an unknown kind", Bytes.shortText("x") + [UInt8(ascii: "z"), 1]),
            ("a name that is longer than its table", [200, 1]),
            (
                "a text that is longer than its table",
                Bytes.shortText("x") + [UInt8(ascii: "S"), 0xFF, 0xFF, 0xFF, 0xFF]
            ),
            ("a number that is cut off", Bytes.shortText("x") + [UInt8(ascii: "l"), 1]),
            ("an array that is longer than its table", Bytes.shortText("x") + [UInt8(ascii: "A"), 0x7F, 0, 0, 0]),
        ].map { (name: String, table: [UInt8]) in
            message("headers with \(name)", .rejected, size: 3) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 3, properties: Bytes.headers(table))
            }
        }
        + [
            message("properties that end too early", .rejected, size: 3) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 3, properties: [0xF8, 0, 40, 1, 2])
            },
            Mischief(name: "a body above the limit", stage: .delivery, outcome: .rejected) { situation, _ in
                Bytes.deliver(channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                    + Bytes.contentHeader(channel: situation.channel, bodySize: 3_000_000)
                    + (0..<30).flatMap { _ in
                        Bytes.body(channel: situation.channel, [UInt8](repeating: 1, count: 100_000))
                    }
            },
        ]

    /// Extremes of numbers in headers that mean something to somebody.
    private static let counts: [Mischief] = {
        let values: [(String, [UInt8])] = [
            ("the greatest number", [UInt8(ascii: "l")] + Bytes.integer(UInt64.max >> 1)),
            ("the least number", [UInt8(ascii: "l")] + Bytes.integer(1 << 63 as UInt64)),
            ("the greatest unsigned number", [UInt8(ascii: "L")] + Bytes.integer(UInt64.max)),
            ("the greatest number as text", [UInt8(ascii: "S")] + Bytes.longText("9223372036854775807")),
            ("a number that is none", [UInt8(ascii: "d")] + Bytes.integer(Double.nan.bitPattern)),
            ("nothing", [UInt8(ascii: "V")]),
        ]
        let names = ["x-delivery-count", "x-acquired-count", "x-stream-offset", "x-death", "compression"]
        return names.flatMap { name in
            values.map { kind, value in
                message("\(kind) in \(name)", .taken, size: 3) { channel in
                    let table = Bytes.shortText(name) + value
                    return Bytes.contentHeader(channel: channel, bodySize: 3, properties: Bytes.headers(table))
                }
            }
        }
    }()

    /// Strange, and still a message that can be taken.
    private static let taken: [Mischief] =
        counts
        + [
            message("headers of 100,000 bytes", .taken, size: 3) { channel in
                let table =
                    Bytes.shortText("x") + [UInt8(ascii: "S")]
                    + Bytes.longText([UInt8](repeating: 120, count: 100_000))
                return Bytes.contentHeader(channel: channel, bodySize: 3, properties: Bytes.headers(table))
            },
            message("tables nested 30 times", .taken, size: 3) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 3, properties: Bytes.headers(Bytes.nested(30)))
            },
            message("ten thousand headers of one name", .taken, size: 3) { channel in
                let table = (0..<10_000).flatMap { _ in Bytes.shortText("x") + [UInt8(ascii: "t"), 1] }
                return Bytes.contentHeader(channel: channel, bodySize: 3, properties: Bytes.headers(table))
            },
            message("texts that are not UTF-8", .taken, size: 3) { channel in
                Bytes.contentHeader(
                    channel: channel, bodySize: 3,
                    properties: Bytes.headers(
                        [2, 0xFF, 0xFE, UInt8(ascii: "S")] + Bytes.longText([0xC0, 0x80, 0xFF])))
            },
            message("no body", .taken, size: 0) { Bytes.contentHeader(channel: $0, bodySize: 0) },
            Mischief(name: "a body in pieces of no bytes and one", stage: .delivery, outcome: .taken) {
                situation, _ in
                let pieces = (0..<1000).flatMap { index in
                    Bytes.body(channel: situation.channel, index % 2 == 0 ? [] : [1])
                }
                return Bytes.deliver(
                    channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                    + Bytes.contentHeader(channel: situation.channel, bodySize: 500) + pieces
            },
        ]

    /// Frames that break the agreement: nothing behind them can be trusted.
    private static let violations: [Mischief] =
        [
            ("a body of 2^64 - 1 bytes, which never ends", UInt64.max),
            ("a body of 2^63 bytes, which never ends", 1 << 63),
        ].map { (name: String, size: UInt64) in
            Mischief(name: name, stage: .delivery) { situation, _ in
                Bytes.deliver(channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                    + Bytes.contentHeader(channel: situation.channel, bodySize: size)
                    + (0..<100).flatMap { _ in
                        Bytes.body(channel: situation.channel, [UInt8](repeating: 1, count: 100_000))
                    }
            }
        }
        + [0, 7, UInt64.max].map { tag in
            Mischief(name: "a delivery with the tag \(tag)", stage: .delivery) { situation, _ in
                Bytes.deliver(channel: situation.channel, consumer: situation.consumer, tag: tag)
                    + Bytes.content(channel: situation.channel, [1])
            }
        }
        + [
            message("a content header of another class", .harmless, size: 1) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 1, classID: 90)
            },
            message("a content header of 13 bytes", .harmless, size: 1) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 1, properties: [0])
            },
            message("a content header of 17 MiB", .harmless, size: 1) { channel in
                Bytes.frame(type: 2, channel: channel, [0, 60, 0, 0], length: 17 * 1024 * 1024)
            },
            message("two content headers", .harmless, size: 1) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 1)
                    + Bytes.contentHeader(channel: channel, bodySize: 1)
            },
            message("a body that is longer than its header says", .harmless, size: 5) { channel in
                Bytes.contentHeader(channel: channel, bodySize: 2)
            },
            Mischief(name: "a piece of a body above the frame size", stage: .delivery) { situation, _ in
                Bytes.deliver(channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                    + Bytes.content(channel: situation.channel, [UInt8](repeating: 1, count: 131_072))
            },
            Mischief(name: "a body without its header", stage: .delivery) { situation, _ in
                Bytes.body(channel: situation.channel, [1, 2])
            },
            Mischief(name: "a message inside another one", stage: .delivery) { situation, _ in
                let delivery = Bytes.deliver(
                    channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                return delivery + delivery
            },
            Mischief(name: "content on channel 0", stage: .delivery) { _, _ in Bytes.content(channel: 0, [1]) },
            Mischief(name: "a frame without its mark", stage: .delivery) { situation, _ in
                Bytes.frame(type: 3, channel: situation.channel, [1], end: 0xCD)
            },
            Mischief(name: "more messages than the prefetch", stage: .delivery) { situation, _ in
                (0..<20_000).flatMap { _ in
                    Bytes.deliver(
                        channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                        + Bytes.content(channel: situation.channel, [UInt8](repeating: 1, count: 1000))
                }
            },
        ]

    /// A message with this content header, and a body of `size` bytes.
    private static func message(
        _ name: String, _ outcome: Outcome, size: Int, _ header: @escaping @Sendable (UInt16) -> [UInt8]
    ) -> Mischief {
        Mischief(name: name, stage: .delivery, outcome: outcome) { situation, _ in
            Bytes.deliver(channel: situation.channel, consumer: situation.consumer, tag: situation.nextTag())
                + header(situation.channel)
                + (size == 0 ? [] : Bytes.body(channel: situation.channel, [UInt8](repeating: 1, count: size)))
        }
    }
}
#endif
