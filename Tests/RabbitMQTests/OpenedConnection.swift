#if RabbitMQ
import NIOCore
import NIOEmbedded
import SwitchboardCore

@testable import SwitchboardRabbitMQ

extension AMQPConnection {
    /// A connection without a socket whose handshake is done.
    static func opened(for client: any ConnectionClient) -> AMQPConnection {
        let connection = AMQPConnection(
            Login(method: .plain, username: "u", password: "p", virtualHost: "/", properties: [:], heartbeat: 0),
            client: client)
        connection.connected(EmbeddedChannel())
        connection.received(handshake)
        return connection
    }

    /// What a broker sends until the connection is open: start, tune, open-ok.
    private static var handshake: ByteBuffer {
        let start: [UInt8] =
            [0, 9, 0, 0, 0, 0, 0, 0, 0, 5] + Array("PLAIN".utf8) + [0, 0, 0, 5] + Array("en_US".utf8)
        let methods: [(UInt8, [UInt8])] = [(10, start), (30, [0x07, 0xFF, 0, 2, 0, 0, 0, 0]), (41, [0])]
        return ByteBuffer(
            bytes: methods.flatMap { id, arguments in
                [1, 0, 0, 0, 0, 0, UInt8(4 + arguments.count), 0, 10, 0, id] + arguments + [0xCE]
            })
    }
}
#endif
