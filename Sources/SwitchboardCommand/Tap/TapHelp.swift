/// What several commands say of taps.
enum TapHelp {
    /// How the firehose is turned on and off.
    static func enabling(_ virtualHost: String) -> String {
        "To see replies, turn it on with 'rabbitmqctl trace_on -p \(virtualHost)', and off again with 'rabbitmqctl trace_off -p "
            + "\(virtualHost)'; or let the tap do both: --firehose on --management-url http://HOST:15672 --yes."
    }

    static let seeing = """
        It has a queue of its own, which holds at most 50,000 messages and goes with the command, so nobody's messages are taken and \
        nothing piles up. Requests and notifications are seen by bindings to their exchanges. Replies go through the default \
        exchange (oslo.messaging since 10.0), where only RabbitMQ's firehose shows them. Where that is on, everything is taken from \
        it; otherwise calls are shown without their answers, and a message on standard error says how to turn it on.

        The firehose copies every message of its virtual host, which costs the broker about as much again: turn it on for a while \
        only. With --firehose on (which needs --management-url, a user with the tag administrator, and --yes) the command turns it on and, \
        when it ends, off again, also by Control-C and SIGTERM, not by SIGKILL; one that was on before stays on.

        Where the firehose isn't used, the tap's queue counts as a receiver: a request to a server that isn't there is not returned \
        to Switchboard's callers at once (unroutable) while the tap runs, they wait for their time, and a cast to it \
        is lost without an error. oslo.messaging's callers do so anyway.
        """
}
