extension NotificationDriver {
    /// Hands each notification to those of `drivers` that the rules choose for it: oslo.messaging's `routing`.
    ///
    /// A driver that several groups choose is called once. Throws ``NotificationError/Code/invalidRules`` when the rules
    /// name a driver that is not among `drivers`, or two drivers have one name.
    public static func routing(
        _ rules: NotificationRoutingRules, drivers: [NotificationDriver]
    ) throws(NotificationError) -> NotificationDriver {
        var byName: [String: NotificationDriver] = [:]
        for driver in drivers {
            guard byName.updateValue(driver, forKey: driver.name) == nil else {
                throw NotificationError(
                    .invalidRules, "Two drivers of the routing have the name \(driver.name); rename one by named(_:).")
            }
        }
        for group in rules.groups {
            for rule in group.rules where byName[rule.driver] == nil {
                throw NotificationError(
                    .invalidRules,
                    "The routing group \(group.name) names the driver \(rule.driver); there are "
                        + drivers.map(\.name).joined(separator: ", ") + ".")
            }
        }
        return NotificationDriver("routing") { [byName] event, retry in
            let names = rules.drivers(eventType: event.eventType ?? "", priority: event.priority)
            try await notifyAll(names.compactMap { byName[$0] }, event, retry)
        }
    }

    /// Hands a notification to each driver in turn. A driver that fails does not stop the others; the first error is
    /// thrown at the end.
    static func notifyAll(
        _ drivers: [NotificationDriver], _ event: NotificationEvent, _ retry: NotificationRetry
    ) async throws {
        var failure: (any Error)?
        for driver in drivers {
            do {
                try await driver.notify(event, retry)
            } catch let error as CancellationError {
                throw error
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }
}
