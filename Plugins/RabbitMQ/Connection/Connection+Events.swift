#if RabbitMQ
import NIOCore
import SwitchboardCore

/// What the socket of the present link reports.
extension Connection: LinkOwner {
    func received(_ buffer: ByteBuffer, generation: UInt64) {
        guard generation == self.generation, let link else { return }
        let wasOpen = link.isOpen
        link.received(buffer)
        if !wasOpen, link.isOpen {
            phaseTimer?.cancel()
            phaseTimer = nil
            startHeartbeat(link, generation)
            settings.metrics.opened(settings.role)
            scheduleRenewal(within: lifetime)
            if needsRenewal { settings.renew() }
        }
        endTurn()
    }

    func socketEnded(_ reason: String, generation: UInt64) {
        giveUp(reason, generation)
    }

    func socketWritable(generation: UInt64) {
        guard generation == self.generation, link?.isOpen == true else { return }
        client.writable()
        endTurn()
    }

    private func startHeartbeat(_ link: Link, _ generation: UInt64) {
        guard let tick = link.heartbeat.tick else { return }
        let interval = TimeAmount(clamping: tick)
        heartbeatTimer = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            self.assumeIsolated { connection in
                guard generation == connection.generation else { return }
                connection.link?.ticked()
                connection.endTurn()
            }
        }
    }
}
#endif
