import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Compressed bodies")
struct InflateTests {
    /// What Python's `zlib.compress` makes of texts, at the levels 0, 1 and 9, in hexadecimal.
    private static let samples: [(text: String, compressed: [String])] = [
        ("", ["7801010000ffff00000001", "7801030000000001", "78da030000000001"]),
        (
            String(repeating: "abc", count: 10) + "\u{e9}",
            [
                "7801012000dfff616263616263616263616263616263616263616263616263616263616263c3a9cb350ce9",
                "78014b4c4a4ec48d0eaf0400cb350ce9", "78da4b4c4a4ec48d0eaf0400cb350ce9",
            ]
        ),
    ]

    private func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.filter { !$0.isWhitespace }.map { UInt8(String($0), radix: 16) ?? 0 }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    @Test("Stored and compressed blocks are read, with fixed and with own codes")
    func samples() throws {
        for (text, streams) in Self.samples {
            for stream in streams {
                let output = try Inflate.zlib(bytes(stream))
                #expect(String(decoding: output, as: UTF8.self) == text)
            }
        }
        // A block with codes of its own: the captured requests.
        let compressed = ServerCase.all.filter { $0.name.hasPrefix("gzip") }
        #expect(compressed.count == 2)
        for test in compressed { #expect(try OsloRequest(test.message).method == "echo") }
    }

    @Test("Every part of a stream, and every changed byte of it, is refused or read, and never traps")
    func damaged() throws {
        let stream = try #require(ServerCase.all.first { $0.name.hasPrefix("gzip") }).message.body
        for count in 0..<stream.count {
            #expect(throws: WireError.self) { try Inflate.zlib(Array(stream.prefix(count))) }
        }
        for place in stream.indices {
            for bit in 0..<8 {
                var damaged = stream
                damaged[place] ^= 1 << UInt8(bit)
                // The checksum tells nearly all of them.
                _ = try? Inflate.zlib(damaged)
            }
        }
    }

    @Test("A body is decompressed up to a limit and no further")
    func limit() throws {
        // 10,000 zero bytes.
        let stream = bytes("78daedc1010d000000c2a0f74f6d0e37a0000000000000000000e0df0027100001")
        #expect(try Inflate.zlib(stream, limit: 10_000) == [UInt8](repeating: 0, count: 10_000))
        let error = #expect(throws: WireError.self) { try Inflate.zlib(stream, limit: 9999) }
        #expect(error?.description.contains("over 9999 bytes") == true)
    }
}
