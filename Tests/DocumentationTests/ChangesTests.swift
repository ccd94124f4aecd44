import Foundation
import SwitchboardCore
import Testing

@Suite("The page of changes")
struct ChangesTests {
    @Test("Its first section is about the version that this code is")
    func currentVersion() throws {
        let page = try #require(Repository.pages.first { $0.path.hasSuffix("SwitchboardCore.docc/Changes.md") })
        let versions = page.headings.filter { $0.wholeMatch(of: /\d+\.\d+\.\d+.*/) != nil }
        #expect(versions.first == SwitchboardVersion.current)
    }
}
