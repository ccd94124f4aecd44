/// What OpenStack's services call things by default: AMQP tells nobody which exchanges there are.
enum KnownNames {
    /// Exchanges of requests and notifications, by `control_exchange`.
    static let exchanges = [
        "openstack", "nova", "neutron", "cinder", "glance", "keystone", "heat", "ironic", "manila", "magnum", "octavia",
        "designate", "barbican", "mistral", "trove", "sahara", "senlin", "aodh", "ceilometer", "swift", "masakari",
        "zun",
        "watcher", "cyborg", "blazar", "murano", "vitrage", "cloudkitty",
    ]

    /// Topics that have fanouts.
    static let topics = [
        "compute", "conductor", "scheduler", "cinder-volume", "cinder-scheduler", "cinder-backup", "engine",
        "heat-engine-listener",
        "ironic.conductor_manager", "manila-share", "manila-scheduler", "q-plugin", "q-agent-notifier-port-update",
        "q-agent-notifier-network-update", "q-agent-notifier-security_group-update", "dhcp_agent", "l3_agent",
    ]

    /// A routing key's topic and server. Hosts have dots in their names, and so do a few topics.
    static func split(_ routingKey: String, _ topics: [String] = []) -> (topic: String, server: String?) {
        for topic in (topics + dotted) {
            if routingKey == topic { return (topic, nil) }
            if routingKey.hasPrefix(topic + ".") { return (topic, String(routingKey.dropFirst(topic.count + 1))) }
        }
        guard let dot = routingKey.firstIndex(of: "."), dot != routingKey.startIndex else { return (routingKey, nil) }
        return (String(routingKey[..<dot]), String(routingKey[routingKey.index(after: dot)...]))
    }

    private static let dotted = topics.filter { $0.contains(".") }
}
