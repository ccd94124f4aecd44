import SwitchboardCore
import Testing

@Suite("Hexadecimal digits")
struct HexadecimalTests {
    @Test("All digits of a number's type are written, or at least as many as asked for")
    func digits() {
        #expect((0xA as UInt8).hexadecimal == "0a")
        #expect((0 as UInt64).hexadecimal == "0000000000000000")
        #expect(UInt64.max.hexadecimal == "ffffffffffffffff")
        #expect((0x2028 as UInt32).hexadecimal == "00002028")
        #expect((0xA as UInt32).hexadecimal(width: 4, uppercase: true) == "000A")
        #expect((0x1F600 as UInt32).hexadecimal(width: 4, uppercase: true) == "1F600")
    }
}
