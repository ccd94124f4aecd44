import Testing

@testable import SwitchboardMessaging

@Suite("Ids by chance")
struct UniqueIDTests {
    @Test("They are UUIDs of version 4, with dashes or without, in small digits; none comes twice")
    func form() {
        var seen: Set<String> = []
        /// The digits that each place has had.
        var digits = [Set<Character>](repeating: [], count: 32)
        for _ in 0..<2000 {
            let (plain, dashed) = (UniqueID.make(), UniqueID.makeUUID())
            #expect(dashed.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
            for id in [plain, dashed.filter { $0 != "-" }] {
                #expect(id.count == 32)
                for (place, digit) in id.enumerated() { digits[place].insert(digit) }
                #expect(seen.insert(id).inserted)
            }
        }
        let all = Set("0123456789abcdef")
        for (place, found) in digits.enumerated() {
            switch place {
            case 12: #expect(found == ["4"])
            case 16: #expect(found == ["8", "9", "a", "b"])
            default: #expect(found == all)
            }
        }
    }
}
