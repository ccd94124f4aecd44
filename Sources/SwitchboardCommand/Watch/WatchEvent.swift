import Foundation
import SwitchboardCells
import SwitchboardMessaging

/// A change that a watch has found.
struct WatchEvent: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// A host is something else than before.
        case host(String, from: HostClass, to: HostFinding)
        /// A host was mapped to the cell, or isn't any more.
        case mapped(String), unmapped(String)
        /// The cell's queue can't be used; so many hosts are behind it.
        case cellUnreachable(reason: String, hosts: Int)
        case cellReachable
        /// The directory can't be read: the mappings of the last sweep are used.
        case directoryFailed(reason: String)
        case directoryReadable
    }

    /// In seconds since 1970.
    var time: Double
    /// `nil` where the event is about the directory.
    var cell: WatchedCell?
    var kind: Kind

    /// A line for people, without the time.
    var text: String {
        let place = cell.map { "cell \($0.label)" } ?? "the directory"
        return switch kind {
        case .host(let host, let old, let new):
            "\(place), host \(host): \(old == .unknown ? "" : "\(old.text) → ")\(new.hostClass.text) (\(new.detail))"
        case .mapped(let host): "\(place), host \(host): mapped"
        case .unmapped(let host): "\(place), host \(host): not mapped any more"
        case .cellUnreachable(let reason, let hosts):
            "\(place): unreachable, with \(hosts) \(hosts == 1 ? "host" : "hosts") (\(reason))"
        case .cellReachable: "\(place): reachable again"
        case .directoryFailed(let reason): "\(place): can't be read; the last mappings are used (\(reason))"
        case .directoryReadable: "\(place): can be read again"
        }
    }

    var json: JSONObject {
        var object = JSONObject()
        func put(_ event: String, _ members: (String, JSONValue)...) {
            object["event"] = .string(event)
            object["time"] = .string(Self.text(ofTime: time))
            if let cell {
                object["cell"] = .string(cell.label)
                object["cell_uuid"] = .string(cell.id.description)
            }
            for (name, value) in members { object[name] = value }
        }
        switch kind {
        case .host(let host, let old, let new):
            put(
                "host", ("host", .string(host)), ("from", .string(old.rawValue)),
                ("to", .string(new.hostClass.rawValue)), ("detail", .string(new.detail)))
            if let time = new.roundTrip { object["milliseconds"] = .double(time.milliseconds) }
        case .mapped(let host): put("mapped", ("host", .string(host)))
        case .unmapped(let host): put("unmapped", ("host", .string(host)))
        case .cellUnreachable(let reason, let hosts):
            put("cell_unreachable", ("hosts", JSONValue(hosts)), ("detail", .string(reason)))
        case .cellReachable: put("cell_reachable")
        case .directoryFailed(let reason): put("directory_failed", ("detail", .string(reason)))
        case .directoryReadable: put("directory_readable")
        }
        return object
    }

    /// `2026-11-29T21:45:06Z`
    static func text(ofTime time: Double) -> String {
        Date(timeIntervalSince1970: time).formatted(.iso8601)
    }
}
