import OsloConfiguration
import StandardStreams
import SwitchboardCore

/// Names that oslo.messaging doesn't read: oslo.config never says so.
struct NameChecks {
    private(set) var findings: [ConfigurationFinding] = []
    private let version: Int

    private static let groups = ["oslo_messaging_rabbit", "oslo_messaging_notifications"]

    /// What earlier releases read, and what is written instead. Without an answer the option has no successor.
    private static let former: [String: String?] = [
        "rabbit_host": "transport_url in [DEFAULT]", "rabbit_hosts": "transport_url in [DEFAULT]",
        "rabbit_port": "transport_url in [DEFAULT]", "rabbit_userid": "transport_url in [DEFAULT]",
        "rabbit_password": "transport_url in [DEFAULT]", "rabbit_virtual_host": "transport_url in [DEFAULT]",
        "rpc_backend": "transport_url in [DEFAULT]", "rabbit_use_ssl": "ssl", "kombu_ssl_version": "ssl_version",
        "kombu_ssl_keyfile": "ssl_key_file", "kombu_ssl_certfile": "ssl_cert_file",
        "kombu_ssl_ca_certs": "ssl_ca_file", "rabbit_durable_queues": "amqp_durable_queues",
        "notification_driver": "driver in [oslo_messaging_notifications]",
        "notification_topics": "topics in [oslo_messaging_notifications]", "rabbit_max_retries": nil,
        "fake_rabbit": nil,
    ]

    init(_ configuration: OsloConfiguration, version: Int) {
        self.version = version
        for file in configuration.files {
            for section in Self.sectionNames(of: file) {
                checkSection(section, in: file)
                for assignment in file.assignments where assignment.section == section {
                    check(assignment, in: file)
                }
            }
        }
    }

    private static func sectionNames(of file: OsloConfigurationFile) -> [String] {
        var seen: Set<String> = []
        return file.sections.map(\.name).filter { seen.insert($0).inserted }
    }

    /// A section whose options nobody reads, as its name is nearly another's.
    private mutating func checkSection(_ name: String, in file: OsloConfigurationFile) {
        guard let first = file.assignments.first(where: { $0.section == name }) else { return }
        let wanted: String
        if name != "DEFAULT", name.lowercased() == "default" {
            wanted = "DEFAULT"
        } else if !Self.groups.contains(name.lowercased()),
            let near = URLOptions.nearest(to: name.lowercased(), in: Self.groups),
            near.hasPrefix(name.prefix(4).lowercased())
        {
            wanted = near
        } else {
            return
        }
        findings.append(
            .init(
                severity: .warning, place: .file(path: file.path, line: first.line),
                message: "Nothing reads the section [\(name.printable)]; did you mean [\(wanted)]?"))
    }

    private mutating func check(
        _ assignment: OsloConfigurationFile.Assignment, in file: OsloConfigurationFile
    ) {
        let group = assignment.section == "DEFAULT" ? "DEFAULT" : assignment.section.lowercased()
        guard group == "DEFAULT" || Self.groups.contains(group) else { return }
        let name = OsloOption.Name(group: group, name: assignment.name)
        let readable = MessagingOption.table.filter { $0.versions.contains(version) }
        let isRead = readable.contains { $0.option.name == name || $0.option.deprecatedNames.contains(name) }
        if isRead { return }
        guard let reason = reason(for: name, readable) else { return }
        findings.append(
            .init(
                severity: .warning, option: .init(group: group, name: assignment.name.printable),
                place: .file(path: file.path, line: assignment.line), message: reason))
    }

    /// Why a name has no effect; `nil` for one in `[DEFAULT]` that a service may well read.
    private func reason(for name: OsloOption.Name, _ readable: [MessagingOption]) -> String? {
        if let former = Self.former[name.name] {
            return "oslo.messaging doesn't read it any more. "
                + (former.map { "Write \($0)." } ?? "Take it out; there is nothing in its place.")
        }
        if let other = MessagingOption.table.first(where: { $0.option.name == name }) {
            let span =
                other.versions.lowerBound > version
                ? "before \(other.versions.lowerBound)" : "after \(other.versions.upperBound)"
            return "oslo.messaging \(version) doesn't read it: no version \(span) does."
        }
        if let elsewhere = readable.first(where: { $0.option.name.name == name.name && $0.option.name != name }),
            name.group != "DEFAULT" || elsewhere.option.name.name.contains("rabbit")
                || elsewhere.option.name.name.hasPrefix("amqp_") || elsewhere.option.name.name.hasPrefix("kombu_")
        {
            return "oslo.messaging doesn't read it here. It belongs in [\(elsewhere.option.name.group)]."
        }
        let candidates = readable.filter { $0.option.name.group == name.group }.map(\.option.name.name)
        let near = URLOptions.nearest(to: name.name, in: candidates)
        if name.group == "DEFAULT" {
            guard let near, near.count >= 10, abs(near.count - name.name.count) <= 2,
                near.dropFirst().first == name.name.dropFirst().first
            else { return nil }
            return "oslo.messaging doesn't know it and ignores it; did you mean \(near)?"
        }
        return "oslo.messaging doesn't know it and ignores it"
            + (near.map { "; did you mean \($0)?" } ?? ". Take it out.")
    }
}
