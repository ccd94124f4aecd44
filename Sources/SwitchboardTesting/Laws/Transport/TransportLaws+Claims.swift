import SwitchboardCore

extension TransportLaws {
    /// What a driver can do it claims, where that is cheap to see; false claims break the laws of their capability.
    static let claims: [DriverLaw] = [
        DriverLaw("All transports of a driver always claim the same capabilities", .claims) { bench in
            try await bench.withTransport { transport in
                try await bench.waitForState(of: transport, "ready") { $0 == .ready }
                let now = transport.capabilities
                try bench.require(
                    now == bench.claims, "it claimed \(bench.claims.rawValue) before run() and \(now.rawValue) now.")
            }
        },
        DriverLaw("A driver that detects unroutable messages claims that", .claims) { bench in
            guard !bench.claims.contains(.detectsUnroutable) else { return }
            try await bench.withTransport { transport in
                do throws(TransportError) {
                    try await bench.publish("nobody", on: transport, mandatory: true)
                } catch {
                    try bench.require(
                        error.code != .unroutable, "a mandatory message was refused as unroutable, and no claim made.")
                    throw error
                }
            }
        },
        DriverLaw("A driver that marks redelivered messages claims that", .claims) { bench in
            guard !bench.claims.contains(.redelivery) else { return }
            try await bench.withInbox { transport, inbox in
                try await bench.publish("again", on: transport)
                try await inbox.next().requeue()
                let second = try await inbox.next()
                try await second.accept()
                try bench.require(
                    !second.isRedelivered, "a requeued message was marked as redelivered, and no claim made.")
            }
        },
        DriverLaw("A harness provides only what the driver claims", .claims) { bench in
            let offers: [(String, Bool, DriverCapabilities)] = [
                ("makeBoundedTransport", bench.world.makeBoundedTransport != nil, .boundedQueues),
                ("makeLimitedTransport", bench.world.makeLimitedTransport != nil, .limitsAttempts),
                ("interrupt", bench.world.interrupt != nil, .reconnects),
                ("restart", bench.world.restart != nil, .reconnects),
                ("deadLetters", bench.world.deadLetters != nil, .deadLetters),
                ("untakeable", bench.world.untakeable != nil, .interprocess),
                ("inOtherProcess", bench.world.inOtherProcess != nil, .interprocess),
            ]
            for (name, isOffered, capability) in offers where isOffered {
                try bench.require(
                    bench.claims.contains(capability),
                    "the harness offers \(name), and the driver makes no claim that it belongs to.")
            }
        },
    ]
}
