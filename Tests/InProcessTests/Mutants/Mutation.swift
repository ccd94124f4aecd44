/// A bug that is planted in the copy of the in-process driver, and the law that has to find it.
enum Mutation: String, CaseIterable {
    case handingOutForgotten
    case messageLost, messageDoubled, newestFirst, longBodiesCut, bodiesTakenForText, contentTypeLost, headersLost
    case serverTakenForTopic, fanoutToOne, fanoutCopiesStay, mailboxesShared, topicDiesWithConsumers
    case earlyNotificationsDropped, poolsForgotten, poolMembersGetCopies, poolQueuePerTopic
    case requeueLost, requeuedToTheEnd, redeliveryUnmarked, unsettledLost, unsettledReversed, acceptForgotten
    case discardRequeues, deadLettersLost, lateSettlementTakesNext
    case releasesCounted, failuresUncounted, headersCounted
    case prefetchIgnored, settlementMakesNoRoom, subscriptionLeaked, endedDeliveriesFed, cancellationGivesBack
    case refusesBeforeRun, publishesWithoutRun, closedTakenForDown, deliveriesOutliveRun, errorOfBodyReplaced
    case stateForgotten, cancellationSwallowed, cancellationOfRunSwallowed
    case deadlineIgnored, deadlineOfSubscriptionIgnored, timeToLiveIgnored, timeToLiveStartsAnew
    case unroutableSwallowed, alwaysMandatory, outcomeForgotten, outcomeToldTwice
    case boundsIgnored, exhaustedAtOnce, waitersForgotten, waitersOutliveRun, deadlineOfWaitersIgnored
    case cancellationOfWaitersSwallowed
    case unroutableUnclaimed, redeliveryUnclaimed, boundsUnclaimed, reconnectsClaimed, claimsGrow

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
        case .cancellationGivesBack: "A cancelled subscriber can settle its deliveries until its body ends"
        case .refusesBeforeRun: "Publishing and subscribing before run() wait for it"
        case .publishesWithoutRun, .deadlineIgnored:
            "A publish that cannot start ends at its deadline, certainly not sent"
        case .closedTakenForDown: "After run() has ended, nothing is published or subscribed"
        case .deliveriesOutliveRun: "The end of run() ends the deliveries"
        case .errorOfBodyReplaced: "A subscription returns or throws what its body does"
        case .stateForgotten: "The state says whether the transport is running"
        case .cancellationSwallowed: "A cancelled publish ends at once and sends nothing"
        case .cancellationOfRunSwallowed: "run() returns when it is cancelled, even in the middle of work"
        case .deadlineOfSubscriptionIgnored: "A subscription that cannot start ends at its deadline"
        case .timeToLiveIgnored: "A message is not delivered after its time to live"
        case .timeToLiveStartsAnew: "A message that comes back keeps its time to live"
        case .unroutableSwallowed: "A mandatory message without a consumer fails at once"
        case .outcomeForgotten, .outcomeToldTwice:
            "A publish with a completion reports once what an awaited one would return or throw"
        case .alwaysMandatory: "A message without a consumer is dropped unless it is mandatory"
        case .boundsIgnored, .exhaustedAtOnce, .deadlineOfWaitersIgnored:
            "A full queue makes its publisher wait, then fails the publish"
        case .waitersForgotten: "Publishers that wait for a full queue continue when there is room"
        case .waitersOutliveRun: "The end of run() ends the wait for room"
        case .cancellationOfWaitersSwallowed: "A publisher that waits for room can be cancelled, and sends nothing"
        case .unroutableUnclaimed: "A driver that detects unroutable messages claims that"
        case .redeliveryUnclaimed: "A driver that marks redelivered messages claims that"
        case .boundsUnclaimed: "A harness provides only what the driver claims"
        case .reconnectsClaimed: "A lost connection comes back with all its subscriptions"
        case .claimsGrow: "All transports of a driver always claim the same capabilities"
        }
    }
}
