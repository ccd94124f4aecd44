internal import Glibc

/// The file `FORMAT`: which layout a spool has, and which version of it.
///
/// `switchboard-spool 1 maildir`, or `switchboard-spool 2 segment`. Segments of version 1 had no checksums in their headers;
/// they are read, and the file is changed by the first who opens the spool, so that programs that know only them stay away
/// from what they would take for damaged.
enum SpoolFormat {
    /// The layout, from the file that whoever comes first writes. EPROTO when it is none that we know.
    static func open(
        _ root: Directory, _ temporary: Directory, _ owner: Owner, _ configuration: SpoolConfiguration,
        _ purpose: SpoolStore.Purpose
    ) throws(FileError) -> SpoolConfiguration.Layout {
        let name = "FORMAT@\(owner.name)"
        let durable = configuration.durability == .full
        if purpose.isUse, try !root.contains("FORMAT") {
            var layout = configuration.layout ?? purpose.preferredLayout
            if layout == nil { layout = try used(in: root) }
            try temporary.write(name, text(layout ?? .maildir), durable: durable)
            defer { try? temporary.unlink(name) }
            do throws(FileError) {
                try temporary.link(name, to: root, as: "FORMAT")
            } catch  where error.exists {
                // Another process was faster.
            }
            if durable { try root.synchronize() }
        }
        let found = try root.contents(of: "FORMAT", limit: 4096)
        let words = String(decoding: found, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 3, words[0] == "switchboard-spool",
            let layout = SpoolConfiguration.Layout(rawValue: String(words[2])),
            let version = Int(words[1]), (1...Self.version(layout)).contains(version)
        else { throw FileError("read \(root.path)/FORMAT, which is of no known format", EPROTO) }
        if purpose.isUse, version < Self.version(layout) {
            try root.replace("FORMAT", with: text(layout), through: temporary, temporaryName: name, durable: durable)
        }
        return layout
    }

    /// The layout of the queues that there are, where the file alone was removed.
    private static func used(in root: Directory) throws(FileError) -> SpoolConfiguration.Layout? {
        for queue in try root.directory("queues").names() {
            for layout in SpoolConfiguration.Layout.allCases {
                if try root.contains("queues/\(queue)/\(Queue.directories(layout)[0])") { return layout }
            }
        }
        return nil
    }

    private static func version(_ layout: SpoolConfiguration.Layout) -> Int {
        switch layout {
        case .maildir: 1
        case .segment: 2
        }
    }

    private static func text(_ layout: SpoolConfiguration.Layout) -> [UInt8] {
        Array("switchboard-spool \(version(layout)) \(layout.rawValue)\n".utf8)
    }
}
