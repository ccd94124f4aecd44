import Foundation
import SwitchboardCore
import SwitchboardTesting

extension LawPeer {
    /// The peer that is in `conformance-tool`, which SwiftPM puts beside the tests.
    static func conformanceTool(_ arguments: String..., url: TransportURL) -> LawPeer {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        return LawPeer(
            executable: folder.appendingPathComponent("conformance-tool").path, arguments: ["peer"] + arguments,
            url: url
        )
    }
}
