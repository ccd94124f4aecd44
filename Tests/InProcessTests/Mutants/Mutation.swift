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
            "A subscriber that is a function gets all there is, and again what it could not take"
        case .messageLost: "Many tasks publish and settle at once, and nothing is lost or doubled"
        case .messageDoubled: "Each message arrives exactly once while nothing fails"
        case .newestFirst: "What was published before the subscription arrives in order"
        case .longBodiesCut: "Bodies of 0 bytes to 16 MiB arrive whole"
        case .bodiesTakenForText: "Any bytes arrive"
        case .contentTypeLost: "A message arrives as it was published"
        case .headersLost: "A message with any headers arrives with them or is refused, and disturbs no other"
        case .serverTakenForTopic: "A message to a server goes to that server alone"
        case .fanoutToOne: "A fanout gives every subscription its copy"
        case .fanoutCopiesStay: "A fanout that everybody has left has no taker"
        case .mailboxesShared: "A mailbox gets its own messages and no others"
        case .topicDiesWithConsumers: "A topic keeps its messages while nobody is subscribed"
        case .earlyNotificationsDropped: "Notifications are kept from the first one on"
        case .poolsForgotten, .poolMembersGetCopies:
            "Each pool gets its copy of the notifications, and its members compete"
        case .poolQueuePerTopic: "A pool over several topics has one queue"
        case .requeueLost, .redeliveryUnmarked: "A requeued message is delivered again, marked as redelivered"
        case .requeuedToTheEnd: "A requeued message comes back to its place"
        case .unsettledLost: "What is unsettled when a subscription ends goes back"
        case .unsettledReversed: "What goes back keeps its order"
        case .acceptForgotten: "An accepted message is not delivered again"
        case .discardRequeues: "A discarded message is not delivered again"
        case .deadLettersLost: "Discarded messages can be looked at"
        case .lateSettlementTakesNext: "A settlement after the end of the subscription changes nothing"
        case .releasesCounted: "What was released is at the same attempt as before"
        case .failuresUncounted: "Each time that handling fails is one attempt more"
        case .headersCounted: "A publisher's headers are no count of attempts"
        case .prefetchIgnored: "No more than the prefetch is unsettled at a time"
        case .settlementMakesNoRoom: "A settlement makes room for the next delivery"
        case .subscriptionLeaked: "An ended subscription takes nothing more"
        case .endedDeliveriesFed: "A subscription whose deliveries were cancelled takes nothing more"
        case .cancellationGivesBack: "What a cancelled subscriber has can be settled until its body ends"
        case .refusesBeforeRun: "Publishing and subscribing before run() wait for it"
        case .publishesWithoutRun, .deadlineIgnored:
            "A publish that cannot begin gives up at its deadline, certainly not sent"
        case .closedTakenForDown: "After run() has ended, nothing is published or subscribed"
        case .deliveriesOutliveRun: "The end of run() ends the deliveries"
        case .errorOfBodyReplaced: "What a subscription's body throws or returns comes out"
        case .stateForgotten: "The state tells whether it runs"
        case .cancellationSwallowed: "A cancelled publish ends at once and sends nothing"
        case .cancellationOfRunSwallowed: "run() returns when it is cancelled, also in the midst of work"
        case .deadlineOfSubscriptionIgnored: "A subscription that cannot begin gives up at its deadline"
        case .timeToLiveIgnored: "A message is not delivered after its time to live"
        case .timeToLiveStartsAnew: "A message that comes back keeps its time to live"
        case .unroutableSwallowed: "A mandatory message that nobody takes fails at once"
        case .outcomeForgotten, .outcomeToldTwice:
            "A publish whose outcome is told says once what one that is waited for says"
        case .alwaysMandatory: "A message that nobody takes is dropped unless it is mandatory"
        case .boundsIgnored, .exhaustedAtOnce, .deadlineOfWaitersIgnored:
            "A full queue makes its publisher wait, then tells it"
        case .waitersForgotten: "Room in a full queue lets its publishers in"
        case .waitersOutliveRun: "The end of run() ends the wait for room"
        case .cancellationOfWaitersSwallowed: "A publisher that waits for room can be cancelled, and sends nothing"
        case .unroutableUnclaimed: "A driver that detects the unroutable claims it"
        case .redeliveryUnclaimed: "A driver that marks redelivered messages claims it"
        case .boundsUnclaimed: "A harness offers only what the driver claims"
        case .reconnectsClaimed: "A lost connection comes back with all its subscriptions"
        case .claimsGrow: "All transports of a driver claim the same, whenever they are asked"
        }
    }
}
