import SwitchboardCore
import SwitchboardMessaging

/// A line of a tap: a call with its answer, a cast, a notification.
struct TapRecord: Sendable {
    enum Kind: String, Hashable, Sendable {
        case call, cast, fanout, notification
        /// A reply to a call that wasn't seen.
        case reply
        /// Something that isn't oslo.messaging's.
        case other
    }

    enum Outcome: Hashable, Sendable {
        /// Nobody answers: a cast, a notification.
        case sent
        case result
        case failure(className: String, message: String)
        /// No answer within the call's time.
        case noAnswer
        /// The answer came when its time was over; it may be a failure.
        case late(failure: String?)
        /// One more answer to a call that had one.
        case duplicate
        /// The tap ended before there was an answer.
        case open
        /// Replies aren't seen.
        case unseen
        /// It can't be read, with the reason.
        case unreadable(String)

        /// One word, for scripts.
        var word: String {
            switch self {
            case .sent: "sent"
            case .result: "result"
            case .failure: "failure"
            case .noAnswer: "no answer"
            case .late: "late"
            case .duplicate: "duplicate"
            case .open: "open"
            case .unseen: "unseen"
            case .unreadable: "unreadable"
            }
        }

        /// Whether somebody who looks for what goes wrong wants to see it.
        var isFailure: Bool {
            switch self {
            case .failure, .noAnswer, .late, .duplicate, .unreadable: true
            case .sent, .result, .open, .unseen: false
            }
        }

        /// What it is counted under: the class of an error, or the word.
        var failureClass: String? {
            switch self {
            case .failure(let className, _): className
            case .noAnswer, .late, .duplicate, .unreadable: word
            case .sent, .result, .open, .unseen: nil
            }
        }
    }

    var kind: Kind
    /// When the request was seen, in seconds since 1970.
    var time: Double
    var exchange: String
    var topic: String
    var server: String?
    /// A method, or a notification's event type.
    var method: String
    var namespace: String?
    var version: String?
    /// Joins what was done for one request of a user.
    var requestID: String?
    var userID: String?
    var projectID: String?
    /// Where the caller waits for replies, which tells callers apart; of a notification its publisher.
    var caller: String?
    /// The caller's and the server's connections, where the firehose tells them.
    var callerConnection: String?
    var serverConnection: String?
    var outcome: Outcome
    /// From the request to the answer, as the tap saw them.
    var duration: Duration?
    var requestBytes = 0
    var replyBytes = 0
    /// How often the same request was seen again.
    var repeats = 0
    var arguments: JSONObject = [:]
    var result: JSONValue = .null
}
