import Testing

@testable import SwitchboardMessaging

@Suite("Ids as they are remembered")
struct IDFingerprintTests {
    @Test("The same id is the same key, and a thousand ids are a thousand keys")
    func same() {
        let ids = (0..<1000).map { _ in UniqueID.make() }
        #expect(Set(ids.map(IDFingerprint.init)).count == ids.count)
        for id in ids { #expect(IDFingerprint(id) == IDFingerprint(String(decoding: Array(id.utf8), as: UTF8.self))) }
    }

    @Test("An id that differs in one character, of whatever kind, is another key")
    func neighbours() {
        let id = Array("0123456789abcdeffedcba9876543210".utf8)
        var keys: Set<IDFingerprint> = [IDFingerprint(String(decoding: id, as: UTF8.self))]
        var count = 1
        for place in id.indices {
            for byte: UInt8 in 0..<0x80 where byte != id[place] {
                var other = id
                other[place] = byte
                keys.insert(IDFingerprint(String(decoding: other, as: UTF8.self)))
                count += 1
            }
        }
        #expect(keys.count == count)
    }

    @Test("Ids of other lengths and forms are told apart")
    func otherForms() {
        let hexadecimal = "0123456789abcdeffedcba9876543210"
        let ids = [
            "", "0", "1", "req-1", hexadecimal, hexadecimal + "0", String(hexadecimal.dropLast()),
            hexadecimal.uppercased(),
            "01234567-89ab-cdef-fedc-ba9876543210", "ü" + hexadecimal.dropLast(2), String(repeating: "0", count: 32),
            String(repeating: "f", count: 32),
        ]
        #expect(Set(ids.map(IDFingerprint.init)).count == ids.count)
        for id in ids { #expect(IDFingerprint(id) == IDFingerprint(id)) }
    }

    @Test("An id is written as it was read, whatever it is")
    func written() throws {
        let ids =
            (0..<200).map { _ in UniqueID.make() } + [
                "", "x", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcde",
                "0123456789abcdef0123456789abcdef0", "0123456789abcdefg123456789abcdef", "req-é",
            ]
        for value in ids.map(JSONValue.string) + [.null, 1, 1.5, true, ["x"]] {
            let id = WireID(value)
            #expect(id.value == value && id.text == value.string)
            let bytes = JSONWriter.bytes { $0.write(id) }
            #expect(bytes == value.serialized())
            #expect(try JSONReader.withReader(of: bytes) { reader throws(JSONError) in try reader.id() } == id)
        }
        #expect(try #require(WireID.random().text).utf8.count == 32)
    }
}
