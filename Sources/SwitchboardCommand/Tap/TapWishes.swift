import ArgumentParser

/// What a tap is to see of a virtual host.
struct TapWishes: Sendable {
    enum Replies: String, ExpressibleByArgument, CaseIterable, Sendable {
        /// The firehose where it is on, else bindings.
        case auto
        case bindings, firehose, none
    }

    /// Empty: those that services of OpenStack use by default, as far as they are there.
    var exchanges: [String] = []
    /// Empty: all.
    var topics: [String] = []
    var replies = Replies.auto
    /// Whether deliveries are told too, where the firehose is on: which of them are redeliveries.
    var followsDeliveries = false
    /// How long each step at the broker may take.
    var timeout = Duration.seconds(10)
}
