@testable import SwitchboardCore

/// A bug that is planted in front of the in-process driver, or in the time of its transports, and the law that has to find
/// it.
enum Mutation: String, CaseIterable {
    case handingOutForgotten
    case messageLost, messageDoubled, newestFirst, longBodiesCut, bodiesTakenForText, contentTypeLost, headersLost
    case serverTakenForTopic, fanoutToOne, fanoutCopiesStay, mailboxesShared, topicDiesWithConsumers
    case earlyNotificationsDropped, poolsForgotten, poolMembersGetCopies, poolQueuePerTopic
    case requeueLost, requeuedToTheEnd, redeliveryUnmarked, unsettledLost, unsettledReversed, acceptForgotten
    case discardRequeues, deadLettersLost, lateSettlementTakesNext
    case releasesCounted, failuresUncounted, headersCounted
    case prefetchIgnored, settlementMakesNoRoom, subscriptionLeaked, endedDeliveriesFed, slowSubscribersForgotten
    case timeRunsAhead, publishesWithoutRun
    case connectingHangs, liveUnanswered, endUnanswered, cancellationOfRunSwallowed, closingTakenForLoss
    case deadlineIgnored, deadlineOfSubscriptionIgnored, timeToLiveIgnored, timeToLiveStartsAnew
    case unroutableSwallowed, alwaysMandatory, outcomeForgotten
    case boundsIgnored, exhaustedAtOnce, waitersForgotten, deadlineOfWaitersIgnored, cancelledWaitersStay
    case unroutableUnclaimed, redeliveryUnclaimed, boundsUnclaimed, reconnectsClaimed, claimsGrow

    /// Whether the bug is in what a settlement does.
    var settlesWrongly: Bool {
        switch self {
        case .requeueLost, .requeuedToTheEnd, .acceptForgotten, .discardRequeues, .deadLettersLost,
            .lateSettlementTakesNext, .releasesCounted, .failuresUncounted, .settlementMakesNoRoom:
            true
        default: false
        }
    }

    /// The time of the transports.
    var clock: TransportClock {
        switch self {
        case .timeRunsAhead:
            TransportClock(now: { .now + .seconds(3600) }, sleep: { try await Task.sleep(until: $0 - .seconds(3600)) })
        case .deadlineIgnored, .deadlineOfSubscriptionIgnored, .deadlineOfWaitersIgnored:
            TransportClock(now: { .now }, sleep: { _ in try await Task.sleep(for: .seconds(3600)) })
        default: .real
        }
    }

    /// The law's name.
    var law: String {
        switch self {
        case .handingOutForgotten:
            "A subscriber that is a function gets every message, and gets those again that it could not take"
        case .messageLost: "Many tasks publish and settle at once, and nothing is lost or duplicated"
        case .messageDoubled: "Each message arrives exactly once while nothing fails"
        case .newestFirst: "What was published before the subscription arrives in order"
        case .longBodiesCut: "Bodies of 0 bytes to 16 MiB arrive whole"
        case .bodiesTakenForText: "A body of arbitrary bytes arrives unchanged"
        case .contentTypeLost: "A message arrives as it was published"
        case .headersLost: "A message with any headers arrives with them or is refused, without affecting others"
        case .serverTakenForTopic: "A message to a server goes to that server alone"
        case .fanoutToOne: "A fanout gives every subscription its copy"
        case .fanoutCopiesStay: "A fanout that every subscriber has left is unroutable"
        case .mailboxesShared: "A mailbox gets its own messages and no others"
        case .topicDiesWithConsumers: "A topic keeps its messages while it has no subscribers"
        case .earlyNotificationsDropped: "Notifications are kept from the first one on"
        case .poolsForgotten, .poolMembersGetCopies:
            "Each pool gets a copy of the notifications, and its members compete for it"
        case .poolQueuePerTopic: "A pool over several topics has one queue"
        case .requeueLost, .redeliveryUnmarked: "A requeued message is delivered again, marked as redelivered"
        case .requeuedToTheEnd: "A requeued message goes back to its place"
        case .unsettledLost: "Unsettled messages go back when their subscription ends"
        case .unsettledReversed: "Messages that go back keep their order"
        case .acceptForgotten: "An accepted message is not delivered again"
        case .discardRequeues: "A discarded message is not delivered again"
        case .deadLettersLost: "Discarded messages can be inspected"
        case .lateSettlementTakesNext: "A settlement after the end of the subscription changes nothing"
        case .releasesCounted: "Releasing a message does not count as an attempt"
        case .failuresUncounted: "Each failure to handle a message counts as an attempt"
        case .headersCounted: "A publisher's headers do not change the count of attempts"
        case .prefetchIgnored: "No more than the prefetch is unsettled at a time"
        case .settlementMakesNoRoom: "A settlement makes room for the next delivery"
        case .subscriptionLeaked: "An ended subscription takes nothing more"
        case .endedDeliveriesFed: "A subscription whose deliveries were cancelled takes nothing more"
        case .slowSubscribersForgotten: "A cancelled subscriber can settle its deliveries until its body ends"
        case .timeRunsAhead: "Publishing and subscribing before run() wait for it"
        case .publishesWithoutRun, .deadlineIgnored:
            "A publish that cannot start ends at its deadline, certainly not sent"
        case .liveUnanswered: "A topic's messages reach no other topic"
        case .endUnanswered: "Cancelling the task of a subscription ends its deliveries"
        case .connectingHangs: "The state says whether the transport is running"
        case .cancellationOfRunSwallowed, .closingTakenForLoss:
            "run() returns when it is cancelled, even in the middle of work"
        case .deadlineOfSubscriptionIgnored: "A subscription that cannot start ends at its deadline"
        case .timeToLiveIgnored: "A message is not delivered after its time to live"
        case .timeToLiveStartsAnew: "A message that comes back keeps its time to live"
        case .unroutableSwallowed: "A mandatory message without a consumer fails at once"
        case .outcomeForgotten:
            "A publish with a completion reports once what an awaited one would return or throw"
        case .alwaysMandatory: "A message without a consumer is dropped unless it is mandatory"
        case .boundsIgnored, .exhaustedAtOnce, .deadlineOfWaitersIgnored:
            "A full queue makes its publisher wait, then fails the publish"
        case .waitersForgotten: "Publishers that wait for a full queue continue when there is room"
        case .cancelledWaitersStay: "A publisher that waits for room can be cancelled, and sends nothing"
        case .unroutableUnclaimed: "A driver that detects unroutable messages claims that"
        case .redeliveryUnclaimed: "A driver that marks redelivered messages claims that"
        case .boundsUnclaimed: "A harness provides only what the driver claims"
        case .reconnectsClaimed: "A lost connection comes back with all its subscriptions"
        case .claimsGrow: "All transports of a driver always claim the same capabilities"
        }
    }
}
