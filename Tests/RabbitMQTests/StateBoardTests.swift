#if RabbitMQ
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

@Suite("One state of two connections")
struct StateBoardTests {
    @Test(
        "Ready is who has both ready; who connects says so, then who is blocked; an end is reported by others",
        arguments: [
            (.ready, .ready, .ready),
            (.ready, .connecting(attempt: 2, reason: "r"), .connecting(attempt: 2, reason: "r")),
            (.blocked("b"), .connecting(attempt: 0, reason: nil), .connecting(attempt: 0, reason: nil)),
            (
                .connecting(attempt: 3, reason: nil), .connecting(attempt: 1, reason: "r"),
                .connecting(attempt: 3, reason: "r")
            ),
            (.blocked("b"), .ready, .blocked(reason: "b")),
            (.ready, .idle, nil), (.idle, .idle, nil),
            (.closed, .ready, nil), (.closed, .connecting(attempt: 1, reason: nil), nil),
        ] as [(ConnectionStatus, ConnectionStatus, TransportState?)])
    func merge(one: ConnectionStatus, other: ConnectionStatus, state: TransportState?) {
        #expect(StateBoard.merge(one, other) == state)
        #expect(StateBoard.merge(other, one) == state)
    }
}
#endif
