#if RabbitMQ
package import SwitchboardCore

/// The query of a URL, by oslo.messaging's option names (`[oslo_messaging_rabbit]`, oslo-wire.md §8.4).
enum OsloOptions {
    /// Reads one option into the configuration; the option's name is the last argument.
    private typealias Reader =
        @Sendable (
            inout RabbitMQConfiguration, inout URLOptions, String
        ) throws(TransportError) -> Void

    /// The configuration with what the options of `url` say.
    static func apply(
        _ url: TransportURL, to configuration: RabbitMQConfiguration
    ) throws(TransportError) -> RabbitMQConfiguration {
        var configuration = configuration
        if url.scheme == "amqps", configuration.tls == nil {
            configuration.tls = .init()
        }
        // As oslo.messaging, which drops parameters without a value. Of one that is given twice it joins the values with
        // a comma, which none of its options can have.
        var options = try URLOptions(url, dropsEmpty: true)
        for (name, read) in readers { try read(&configuration, &options, name) }
        try options.finish()
        if url.scheme == "amqps", configuration.tls == nil {
            throw options.refusal(
                of: "ssl", because: "the scheme amqps always means TLS; write amqp or rabbit for none")
        }
        try check(configuration, options)
        return configuration
    }

    /// oslo.messaging's defaults with the options of a configuration file, each of which one of `url` wins over.
    static func configuration(
        of url: TransportURL, besides fileOptions: [TransportURL.Option]
    ) throws(TransportError) -> RabbitMQConfiguration {
        var whole = url
        let own = whole.options.filter { !$0.value.isEmpty }.map(\.name)
        // The scheme decides, and not a file that is for other URLs as well.
        let others = fileOptions.filter { !own.contains($0.name) && !($0.name == "ssl" && url.scheme == "amqps") }
        whole.options += others
        do throws(TransportError) {
            return try apply(whole, to: .osloDefaults)
        } catch {
            guard !others.isEmpty else { throw error }
            throw TransportError(
                error.code,
                error.message.replacing(
                    "of the \(url.scheme):// URL", with: "of the \(url.scheme):// URL or its configuration file"))
        }
    }

    /// The names of all options.
    static var names: [String] { readers.map(\.key).sorted() }

    /// Why a value of an option can't be used, whatever the others are; `nil` where it can.
    static func refusal(of option: TransportURL.Option) -> String? {
        guard let read = readers.first(where: { $0.key == option.name })?.value else {
            return "there is no such option"
        }
        var configuration = RabbitMQConfiguration.osloDefaults
        var reason: String?
        do throws(TransportError) {
            var options = try URLOptions(TransportURL(scheme: "rabbit", options: [option]), dropsEmpty: true)
            do throws(TransportError) {
                try read(&configuration, &options, option.name)
            } catch {
                // Without the beginning, which names a URL, and the full stop.
                let beginning = options.refusal(of: option.name, because: "").message.dropLast()
                reason = String(error.message.dropFirst(beginning.count).dropLast())
            }
        } catch {
            reason = error.message
        }
        return reason
    }

    /// Combinations that oslo.messaging refuses too, but only when it connects.
    private static func check(
        _ configuration: RabbitMQConfiguration, _ options: URLOptions
    ) throws(TransportError) {
        let topology = configuration.topology
        if topology.streamFanout, !topology.transientQuorumQueues || configuration.maximumPrefetch == nil {
            throw options.refusal(
                of: "rabbit_stream_fanout",
                because: "a stream needs rabbit_transient_quorum_queue=true and rabbit_qos_prefetch_count above 0")
        }
        if topology.haQueues, topology.quorumQueues || topology.transientQuorumQueues {
            throw options.refusal(of: "rabbit_ha_queues", because: "it can't be combined with quorum queues")
        }
        if topology.autoDelete, topology.quorumQueues {
            throw options.refusal(
                of: "amqp_auto_delete", because: "RabbitMQ has no quorum queues that delete themselves")
        }
    }

    /// `ssl` first: the other TLS options refine what it turns on, wherever it stands in the query.
    private static let readers: KeyValuePairs<String, Reader> = [
        "ssl": { configuration, options, name throws(TransportError) in
            guard let isOn = try options.flag(name) else { return }
            configuration.tls = isOn ? configuration.tls ?? .init() : nil
        },
        "ssl_ca_file": tls(\.authorityFile),
        "ssl_cert_file": tls(\.certificateFile),
        "ssl_key_file": tls(\.keyFile),
        "ssl_version": { configuration, options, name throws(TransportError) in
            guard let text = options.text(name) else { return }
            let version = RabbitMQConfiguration.TLS.Version.allCases.first {
                $0.rawValue.lowercased() == text.lowercased()
            }
            guard let version else {
                throw options.refusal(
                    of: name,
                    because: "\"\(text)\" is neither TLSv1_2 nor TLSv1_3, and older versions aren't supported")
            }
            configuration.tls?.minimumVersion = version
        },
        "ssl_enforce_hostname_verification": { configuration, options, name throws(TransportError) in
            if let verifies = try options.flag(name) { configuration.tls?.verifiesHostName = verifies }
        },
        "amqp_durable_queues": flag(\.topology.durableQueues),
        "amqp_auto_delete": flag(\.topology.autoDelete),
        "rabbit_quorum_queue": flag(\.topology.quorumQueues),
        "rabbit_transient_quorum_queue": flag(\.topology.transientQuorumQueues),
        "rabbit_quorum_delivery_limit": limit(\.topology.quorumDeliveryLimit, upTo: Int(Int32.max)),
        "rabbit_quorum_max_memory_length": limit(\.topology.quorumMaxMemoryLength),
        "rabbit_quorum_max_memory_bytes": limit(\.topology.quorumMaxMemoryBytes),
        // RabbitMQ takes an x-expires of at most 2^32 - 1 milliseconds.
        "rabbit_transient_queues_ttl": seconds(\.topology.transientQueuesTTL, upTo: 4_294_967),
        "rabbit_transient_queues_durable": flag(\.topology.durableTransientQueues),
        "rabbit_trial_ttl": seconds(\.topology.trialTTL, upTo: 4_294_967),
        "rabbit_ha_queues": flag(\.topology.haQueues),
        "rabbit_stream_fanout": flag(\.topology.streamFanout),
        "enable_cancel_on_failover": flag(\.topology.cancelOnFailover),
        "use_queue_manager": { configuration, options, name throws(TransportError) in
            guard let isOn = try options.flag(name) else { return }
            configuration.topology.stableNames = isOn
            configuration.topology.keepsFanoutQueues = isOn
        },
        "hostname": text(\.topology.hostName),
        "processname": text(\.topology.processName),
        "rabbit_direct_requests": flag(\.directRequests),
        "rabbit_qos_prefetch_count": limit(\.maximumPrefetch, upTo: 65535),
        "heartbeat_timeout_threshold": seconds(\.heartbeat, upTo: 65535),
        "rabbit_interval_max": { configuration, options, name throws(TransportError) in
            guard let seconds = try options.integer(name, in: 1...86400) else { return }
            configuration.maximumReconnectDelay = .seconds(seconds)
        },
        "rabbit_login_method": { configuration, options, name throws(TransportError) in
            guard let text = options.text(name) else { return }
            guard let method = RabbitMQConfiguration.LoginMethod(rawValue: text.uppercased()) else {
                let known = RabbitMQConfiguration.LoginMethod.allCases.map(\.rawValue).joined(separator: ", ")
                throw options.refusal(of: name, because: "\"\(text)\" isn't one of \(known)")
            }
            configuration.loginMethod = method
        },

        // Accepted because configurations have them; they tune machinery that this driver doesn't have. Two sockets replace
        // the pool, and the back-off has jitter and takes hosts in turn by itself. Replies are always mandatory when the
        // caller says so; no compression is ever sent.
        "rpc_conn_pool_size": checkedInteger(1...Int.max),
        "conn_pool_min_size": checkedInteger(0...Int.max),
        "conn_pool_ttl": checkedInteger(0...Int.max),
        "rabbit_retry_interval": checkedInteger(1...Int.max),
        "rabbit_retry_backoff": checkedInteger(0...Int.max),
        "kombu_reconnect_delay": checkedNumber(0...4.5),
        "kombu_reconnect_splay": checkedNumber(0...Double.greatestFiniteMagnitude),
        "kombu_missing_consumer_retry_timeout": checkedInteger(0...Int.max),
        "kombu_failover_strategy": { _, options, name throws(TransportError) in
            guard let text = options.text(name), !["round-robin", "shuffle"].contains(text) else { return }
            throw options.refusal(of: name, because: "\"\(text)\" is neither round-robin nor shuffle")
        },
        "kombu_compression": { _, options, name throws(TransportError) in
            guard options.text(name) != nil else { return }
            throw options.refusal(
                of: name,
                because: "messages are sent uncompressed; leave it out (what others compress is still read)")
        },
        "heartbeat_rate": checkedInteger(1...Int.max),
        "direct_mandatory_flag": checkedFlag,
        "ssl_enforce_fips_mode": checkedFlag,
    ]

    private static func flag(_ path: any WritableKeyPath<RabbitMQConfiguration, Bool> & Sendable) -> Reader {
        { configuration, options, name throws(TransportError) in
            if let value = try options.flag(name) { configuration[keyPath: path] = value }
        }
    }

    /// A number that 0 turns off.
    private static func limit(
        _ path: any WritableKeyPath<RabbitMQConfiguration, Int?> & Sendable, upTo most: Int = .max
    ) -> Reader {
        { configuration, options, name throws(TransportError) in
            guard let value = try options.integer(name, in: 0...most) else { return }
            configuration[keyPath: path] = value == 0 ? nil : value
        }
    }

    /// Whole seconds, which 0 turns off.
    private static func seconds(
        _ path: any WritableKeyPath<RabbitMQConfiguration, Duration?> & Sendable, upTo most: Int
    ) -> Reader {
        { configuration, options, name throws(TransportError) in
            guard let value = try options.integer(name, in: 0...most) else { return }
            configuration[keyPath: path] = value == 0 ? nil : .seconds(value)
        }
    }

    private static func text(_ path: any WritableKeyPath<RabbitMQConfiguration, String?> & Sendable) -> Reader {
        { configuration, options, name throws(TransportError) in
            if let value = options.text(name) { configuration[keyPath: path] = value }
        }
    }

    /// TLS options alone do not turn TLS on, as in oslo.messaging; without it they have no effect.
    private static func tls(
        _ path: any WritableKeyPath<RabbitMQConfiguration.TLS, String?> & Sendable
    ) -> Reader {
        { configuration, options, name throws(TransportError) in
            if let value = options.text(name) { configuration.tls?[keyPath: path] = value }
        }
    }

    private static func checkedInteger(_ range: ClosedRange<Int>) -> Reader {
        { _, options, name throws(TransportError) in _ = try options.integer(name, in: range) }
    }

    private static func checkedNumber(_ range: ClosedRange<Double>) -> Reader {
        { _, options, name throws(TransportError) in _ = try options.number(name, in: range) }
    }

    private static let checkedFlag: Reader = { _, options, name throws(TransportError) in
        _ = try options.flag(name)
    }
}

extension RabbitMQConfiguration {
    /// The names of the options that a URL or such a file may have.
    package static var osloOptions: Set<String> { Set(OsloOptions.names) }

    /// Why the driver can't follow an option; `nil` where it can.
    package static func refusal(of option: TransportURL.Option) -> String? { OsloOptions.refusal(of: option) }
}
#endif
