#if RabbitMQ
/// What came of deleting something that nobody may need.
package enum IdleDeletion: Hashable, Sendable {
    /// It is gone, or was before.
    case deleted
    /// The broker kept it: somebody uses it, or something is in it. A clause.
    case kept(reason: String)
}

extension BrokerLook {
    /// Deletes a classic queue unless it has a consumer or a message, which the broker itself looks at.
    ///
    /// RabbitMQ looks at neither with quorum queues and streams: it closes the connection.
    package func deleteIdleQueue(_ name: String) async throws(InspectionFailure) -> IdleDeletion {
        try await delete(.deleteIdleQueue(name))
    }

    /// Deletes an exchange unless something is bound to it.
    package func deleteUnusedExchange(_ name: String) async throws(InspectionFailure) -> IdleDeletion {
        try await delete(.deleteUnusedExchange(name))
    }

    private func delete(_ method: OutgoingMethod) async throws(InspectionFailure) -> IdleDeletion {
        let conversation = try await session.ask([method])
        guard let closure = conversation.closure, closure.code != 404 else { return .deleted }
        return .kept(reason: closure.text)
    }
}
#endif
