#if RabbitMQ
package import SwitchboardCore

/// The query of a URL, by oslo.messaging's option names (`[oslo_messaging_rabbit]`, oslo-wire.md §8.4).
enum OsloOptions {
    private typealias Setter = @Sendable (inout RabbitMQConfiguration, String) throws(Refusal) -> Void

    /// What is wrong with a value, without the option's name.
    private struct Refusal: Error {
        var reason: String
    }

    /// The configuration with what the options of `url` say.
    static func apply(
        _ url: TransportURL, to configuration: RabbitMQConfiguration
    ) throws(TransportError) -> RabbitMQConfiguration {
        var configuration = configuration
        if url.scheme == "amqps", configuration.tls == nil {
            configuration.tls = .init()
        }
        var seen: Set<String> = []
        // `ssl` first: the other TLS options refine what it turns on, wherever it stands in the query.
        let options = url.options.sorted { $0.name == "ssl" && $1.name != "ssl" }
        for option in options {
            guard let setter = setters[option.name] else {
                throw URLOptions.unknown(option.name, known: setters.keys.sorted(), of: url.scheme)
            }
            guard seen.insert(option.name).inserted else {
                throw invalid(option.name, "it is given twice")
            }
            // As oslo.messaging, which drops parameters without a value.
            if option.value.isEmpty { continue }
            do {
                try setter(&configuration, option.value)
            } catch {
                throw invalid(option.name, error.reason)
            }
        }
        if url.scheme == "amqps", configuration.tls == nil {
            throw invalid("ssl", "the scheme amqps always means TLS; write amqp or rabbit for none")
        }
        try check(configuration)
        return configuration
    }

    /// oslo.messaging's defaults with the options of a configuration file, each of which one of `url` wins over.
    static func configuration(
        of url: TransportURL, besides fileOptions: [TransportURL.Option]
    ) throws(TransportError) -> RabbitMQConfiguration {
        var whole = url
        whole.options.removeAll { $0.value.isEmpty }
        let own = whole.options.map(\.name)
        // The scheme decides, and not a file that is for other URLs as well.
        let others = fileOptions.filter { !own.contains($0.name) && !($0.name == "ssl" && url.scheme == "amqps") }
        whole.options += others
        do throws(TransportError) {
            return try apply(whole, to: .osloDefaults)
        } catch {
            guard !others.isEmpty else { throw error }
            throw TransportError(
                error.code,
                error.message.replacing("of the RabbitMQ URL", with: "of the RabbitMQ URL or its configuration file"))
        }
    }

    /// The names of all options.
    static var names: [String] { setters.keys.sorted() }

    /// Why a value of an option can't be used, whatever the others are; `nil` where it can.
    static func refusal(of option: TransportURL.Option) -> String? {
        guard let setter = setters[option.name] else { return "there is no such option" }
        var configuration = RabbitMQConfiguration.osloDefaults
        do {
            try setter(&configuration, option.value)
        } catch {
            return error.reason
        }
        return nil
    }

    /// Combinations that oslo.messaging refuses too, but only when it connects.
    private static func check(_ configuration: RabbitMQConfiguration) throws(TransportError) {
        let topology = configuration.topology
        if topology.streamFanout, !topology.transientQuorumQueues || configuration.maximumPrefetch == 0 {
            throw invalid(
                "rabbit_stream_fanout",
                "a stream needs rabbit_transient_quorum_queue=true and rabbit_qos_prefetch_count above 0")
        }
        if topology.haQueues, topology.quorumQueues || topology.transientQuorumQueues {
            throw invalid("rabbit_ha_queues", "it cannot be combined with quorum queues")
        }
        if topology.autoDelete, topology.quorumQueues {
            throw invalid("amqp_auto_delete", "RabbitMQ has no quorum queues that delete themselves")
        }
    }

    private static func invalid(_ name: String, _ reason: String) -> TransportError {
        TransportError(.invalidOption, "The option \(name) of the RabbitMQ URL cannot be used: \(reason).")
    }

    private static let setters: [String: Setter] = [
        "amqp_durable_queues": bool(\.topology.durableQueues),
        "amqp_auto_delete": bool(\.topology.autoDelete),
        "rabbit_quorum_queue": bool(\.topology.quorumQueues),
        "rabbit_transient_quorum_queue": bool(\.topology.transientQuorumQueues),
        "rabbit_quorum_delivery_limit": integer(\.topology.quorumDeliveryLimit, 0...Int(Int32.max)),
        "rabbit_quorum_max_memory_length": integer(\.topology.quorumMaxMemoryLength, 0...Int.max),
        "rabbit_quorum_max_memory_bytes": integer(\.topology.quorumMaxMemoryBytes, 0...Int.max),
        // RabbitMQ takes an x-expires of at most 2^32 - 1 milliseconds.
        "rabbit_transient_queues_ttl": integer(\.topology.transientQueuesTTL, 0...4_294_967),
        "rabbit_transient_queues_durable": bool(\.topology.durableTransientQueues),
        "rabbit_trial_ttl": integer(\.topology.trialTTL, 0...4_294_967),
        "rabbit_ha_queues": bool(\.topology.haQueues),
        "rabbit_stream_fanout": bool(\.topology.streamFanout),
        "enable_cancel_on_failover": bool(\.topology.cancelOnFailover),
        "use_queue_manager": { configuration, text throws(Refusal) in
            configuration.topology.stableNames = try parseBool(text)
            configuration.topology.keepsFanoutQueues = configuration.topology.stableNames
        },
        "hostname": { configuration, text throws(Refusal) in configuration.topology.hostName = text },
        "processname": { configuration, text throws(Refusal) in configuration.topology.processName = text },
        "rabbit_direct_requests": bool(\.directRequests),
        "rabbit_qos_prefetch_count": integer(\.maximumPrefetch, 0...65535),
        "heartbeat_timeout_threshold": integer(\.heartbeat, 0...65535),
        "rabbit_interval_max": { configuration, text throws(Refusal) in
            configuration.maximumReconnectDelay = .seconds(try parseInteger(text, 1...86400))
        },
        "rabbit_login_method": { configuration, text throws(Refusal) in
            guard let method = RabbitMQConfiguration.LoginMethod(rawValue: text.uppercased()) else {
                let known = RabbitMQConfiguration.LoginMethod.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal(reason: "\(text) is none of \(known)")
            }
            configuration.loginMethod = method
        },
        "ssl": { configuration, text throws(Refusal) in
            configuration.tls = try parseBool(text) ? configuration.tls ?? .init() : nil
        },
        "ssl_ca_file": tls { tls, text throws(Refusal) in tls.authorityFile = text },
        "ssl_cert_file": tls { tls, text throws(Refusal) in tls.certificateFile = text },
        "ssl_key_file": tls { tls, text throws(Refusal) in tls.keyFile = text },
        "ssl_version": tls { tls, text throws(Refusal) in
            switch text.uppercased() {
            case "TLSV1_2": tls.minimumVersion = "TLSv1_2"
            case "TLSV1_3": tls.minimumVersion = "TLSv1_3"
            default: throw Refusal(reason: "\(text) is neither TLSv1_2 nor TLSv1_3; older versions are not spoken")
            }
        },
        "ssl_enforce_hostname_verification": tls { tls, text throws(Refusal) in
            tls.verifiesHostName = try parseBool(text)
        },

        // Accepted because configurations have them; they tune machinery that this driver has not. Two sockets replace
        // the pool, and the back-off has jitter and hosts in turn by itself. Replies are always mandatory when the
        // caller says so; no compression is ever sent.
        "rpc_conn_pool_size": checkedInteger(1...Int.max),
        "conn_pool_min_size": checkedInteger(0...Int.max),
        "conn_pool_ttl": checkedInteger(0...Int.max),
        "rabbit_retry_interval": checkedInteger(1...Int.max),
        "rabbit_retry_backoff": checkedInteger(0...Int.max),
        "kombu_reconnect_delay": checkedNumber(0...4.5),
        "kombu_reconnect_splay": checkedNumber(0...Double.greatestFiniteMagnitude),
        "kombu_missing_consumer_retry_timeout": checkedInteger(0...Int.max),
        "kombu_failover_strategy": { _, text throws(Refusal) in
            guard ["round-robin", "shuffle"].contains(text) else {
                throw Refusal(reason: "\(text) is neither round-robin nor shuffle")
            }
        },
        "kombu_compression": { _, _ throws(Refusal) in
            throw Refusal(reason: "messages are sent uncompressed; leave it out (what others compress is still read)")
        },
        "heartbeat_rate": checkedInteger(1...Int.max),
        "direct_mandatory_flag": { _, text throws(Refusal) in _ = try parseBool(text) },
        "ssl_enforce_fips_mode": { _, text throws(Refusal) in _ = try parseBool(text) },
    ]

    private static func bool(_ path: any WritableKeyPath<RabbitMQConfiguration, Bool> & Sendable) -> Setter {
        { configuration, text throws(Refusal) in configuration[keyPath: path] = try parseBool(text) }
    }

    private static func integer(
        _ path: any WritableKeyPath<RabbitMQConfiguration, Int> & Sendable, _ range: ClosedRange<Int>
    ) -> Setter {
        { configuration, text throws(Refusal) in configuration[keyPath: path] = try parseInteger(text, range) }
    }

    private static func checkedInteger(_ range: ClosedRange<Int>) -> Setter {
        { _, text throws(Refusal) in _ = try parseInteger(text, range) }
    }

    private static func checkedNumber(_ range: ClosedRange<Double>) -> Setter {
        { _, text throws(Refusal) in
            guard let number = Double(text), range.contains(number) else {
                throw Refusal(reason: "\(text) is no number from \(range.lowerBound) to \(range.upperBound)")
            }
        }
    }

    /// TLS options alone do not turn TLS on, as in oslo.messaging; without it they have no effect.
    private static func tls(
        _ set: @escaping @Sendable (inout RabbitMQConfiguration.TLS, String) throws(Refusal) -> Void
    ) -> Setter {
        { configuration, text throws(Refusal) in
            var tls = configuration.tls ?? .init()
            try set(&tls, text)
            if configuration.tls != nil { configuration.tls = tls }
        }
    }

    private static func parseBool(_ text: String) throws(Refusal) -> Bool {
        switch text.lowercased() {
        case "1", "true", "yes", "on": true
        case "0", "false", "no", "off": false
        default: throw Refusal(reason: "\(text) is neither true nor false")
        }
    }

    private static func parseInteger(_ text: String, _ range: ClosedRange<Int>) throws(Refusal) -> Int {
        guard let number = Int(text), range.contains(number) else {
            let most = range.upperBound == .max ? "" : " and at most \(range.upperBound)"
            throw Refusal(reason: "\(text) is no whole number of at least \(range.lowerBound)\(most)")
        }
        return number
    }
}

extension RabbitMQConfiguration {
    /// The names of the options that a URL or such a file may have.
    package static var osloOptions: Set<String> { Set(OsloOptions.names) }

    /// Why the driver can't follow an option; `nil` where it can.
    package static func refusal(of option: TransportURL.Option) -> String? { OsloOptions.refusal(of: option) }
}
#endif
