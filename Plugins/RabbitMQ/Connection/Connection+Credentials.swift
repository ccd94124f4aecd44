#if RabbitMQ
import Logging
import NIOCore
import SwitchboardCore

/// Credentials that change while the connection is up.
extension Connection {
    /// How long what is under way on a connection may take before another one replaces it.
    private static var drainTime: TimeAmount { .seconds(10) }
    /// When a provider that failed is asked again.
    private static var renewalRetry: Duration { .seconds(10) }

    /// Takes over what the provider says now, when it is something else.
    func renewCredentials() async {
        guard let endpoint, endpoint.username == nil else { return }
        guard link?.isOpen == true else {
            // It may be logging in with the old ones, or wait after these were refused.
            needsRenewal = true
            endPause()
            return
        }
        let generation = generation
        let result: Result<RabbitMQCredentials, any Error>
        do {
            result = .success(try await settings.credentials(for: endpoint))
        } catch {
            result = .failure(error)
        }
        guard generation == self.generation, let link, link.isOpen, !isStopping, !isReplacing else { return }
        switch result {
        case .failure(let error):
            settings.logger.warning(
                "RabbitMQ credentials not renewed",
                metadata: ["rabbitmq.host": "\(endpoint.address)", "error": "\(error)"])
            scheduleRenewal(in: Self.renewalRetry)
        case .success(let credentials):
            scheduleRenewal(within: credentials.lifetime)
            takeOver(credentials, link, generation)
        }
        endTurn()
    }

    private func takeOver(_ credentials: RabbitMQCredentials, _ link: Link, _ generation: UInt64) {
        let login = link.login
        if credentials.username == login.username, credentials.password == login.password { return }
        let isUpdated = credentials.username == login.username && link.canUpdateSecret
        settings.logger.info(
            "RabbitMQ credentials renewed",
            metadata: [
                "rabbitmq.role": "\(settings.role)", "rabbitmq.user": "\(credentials.username)",
                "rabbitmq.reconnects": "\(!isUpdated)",
            ])
        guard isUpdated else { return replace(generation) }
        let updates = link.secretUpdates
        link.updateSecret(credentials.password)
        phaseTimer?.cancel()
        phaseTimer = schedule(in: TimeAmount(clamping: settings.configuration.connectTimeout)) { connection in
            guard connection.link?.secretUpdates == updates else { return }
            connection.giveUp("the broker did not answer to a new password", generation)
        }
    }

    /// Another connection takes this one's place when what is under way has finished.
    private func replace(_ generation: UInt64) {
        isReplacing = true
        client.drain()
        leave(after: Self.drainTime, generation)
    }

    /// Asks the provider again before the credentials of now end.
    func scheduleRenewal(within lifetime: Duration?) {
        guard let lifetime else { return }
        scheduleRenewal(in: lifetime * 0.75)
    }

    private func scheduleRenewal(in time: Duration) {
        renewalTimer?.cancel()
        let signal = settings.renew
        renewalTimer = eventLoop.scheduleTask(in: TimeAmount(clamping: max(time, .milliseconds(100)))) { signal() }
    }
}
#endif
