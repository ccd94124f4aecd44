import SwitchboardCore
import Testing

@testable import SwitchboardSpool

@Suite("The format of a spool")
struct SpoolFormatTests {
    @Test("CRC-32C has the value of RFC 3720")
    func checksum() {
        #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.of((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    }

    @Test(
        "The checksum of bytes that are appended is that of both, whatever their lengths",
        arguments: [0, 1, 7, 15, 16, 17, 255, 256, 1023, 1024, 4097, 65_536, 100_001])
    func appendedChecksum(length: Int) {
        let bytes = (0..<(length + 40)).map { UInt8(truncatingIfNeeded: $0 &* $0 &+ $0 >> 8) }
        for start in [0, 1, 40] {
            var crc = CRC32C()
            crc.update(bytes[..<start])
            crc.append(CRC32C.of(bytes[start...]), CRC32CLength(bytes.count - start))
            #expect(crc.value == CRC32C.of(bytes), "\(start)")
        }
    }

    @Test(
        "Timestamps read back", arguments: [0, 951_782_399_999, 951_782_400_000, 1_795_462_345_678, 4_102_444_800_000])
    func timestamps(milliseconds: UInt64) {
        let text = "\(Timestamp(milliseconds: milliseconds))"
        #expect(Timestamp(text)?.milliseconds == milliseconds)
        if milliseconds == 951_782_400_000 { #expect(text == "2000-02-29T00:00:00.000Z") }
    }

    @Test("Queue names read back and fit a directory entry")
    func queueNames() {
        for name in [
            QueueName(.topic, "nova", "compute"), QueueName(.server, "a~b", "..", "%2F"), QueueName(.pool, "ü"),
            QueueName(.fanout, "x", "y", "12-ab~1"), QueueName(.mailbox, String(repeating: "é", count: 127)),
        ] {
            #expect(QueueName(encoded: name.encoded) == name)
            #expect(name.directoryName.utf8.count <= 255)
            #expect(!name.directoryName.contains("/"))
        }
        let (one, other) = (String(repeating: "x", count: 250), String(repeating: "x", count: 251))
        #expect(QueueName(.topic, one, one).directoryName != QueueName(.topic, one, other).directoryName)
        for text in ["", "topic", "topic~a", "topic~a~b~c", "stone~a~b", "topic~%G0~b", "topic~%FF~b", "mailbox~a~b"] {
            #expect(QueueName(encoded: text) == nil, "\(text)")
        }
    }

    @Test("Message names read back, and strangers are told")
    func messageNames() {
        let name = MessageName(identifier: 0x0199_F1C2_A3B4_0001, tag: 0x5E, size: 412, attempt: 3, expires: 0x0199)
        #expect("\(name)" == "0199f1c2a3b40001-0000005e,s=412,a=3,x=199")
        #expect(MessageName("\(name)") == name)
        for text in [
            "", "x", "0199f1c2a3b40001-0000005e,s=412", "0199f1c2a3b40001-0000005e,s=,a=1",
            "0199f1c2a3b40001-0000005e,s=1,a=1,", "0199f1c2a3b40001-0000005e,s=1,a=1 ",
            "0199f1c2a3b40001-0000005e,s=99999999999999999999,a=1", "0199f1c2a3b4000-0000005e,s=1,a=1",
        ] {
            #expect(MessageName(text) == nil, "\(text)")
        }
    }

    @Test("A message file reads back; every cut and every flipped bit is found")
    func messageFile() throws {
        let message = Message(
            body: Array("{\"a\": 1}\n".utf8), headers: ["trace": "a: b\r\n%", "k:": ""], timeToLive: .seconds(2))
        let file = MessageFile(message: message, queue: "topic~a~b", published: 1_795_462_345_678)
        let bytes = file.encoded
        let decoded = try MessageFile(decoding: bytes)
        #expect(decoded.message == message)
        #expect(decoded.queue == "topic~a~b")
        #expect(decoded.published == 1_795_462_345_678)
        for length in bytes.indices {
            #expect(throws: MessageFile.Malformed.self) { try MessageFile(decoding: Array(bytes[..<length])) }
        }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: MessageFile.Malformed.self, "byte \(index)") { try MessageFile(decoding: damaged) }
        }
    }

    @Test("A message file is as the format says, byte for byte")
    func bytesOfMessageFile() {
        let message = Message(
            body: Array("{\"a\": 1}\n".utf8), headers: ["trace": "a: b\r\n%", "k:": "ü"], timeToLive: .seconds(2))
        let file = MessageFile(message: message, queue: "topic~a%2f~b", published: 1_795_462_345_678)
        let head = """
            Switchboard-Message: 1
            Queue: topic~a%252f~b
            Published: 2026-11-23T19:32:25.678Z
            Time-To-Live: 2000 ms
            Content-Type: application/json
            Content-Encoding: utf-8
            Header-k%3a: ü
            Header-trace: a: b%0d%0a%25
            Content-Length: 9

            """
        let checksum = hexadecimal(UInt64(CRC32C.of(Array(head.utf8) + message.body)), 8)
        let text = head + "Checksum: crc32c \(checksum)\n\n{\"a\": 1}\n"
        #expect(String(decoding: file.encoded, as: UTF8.self) == text)
    }

    @Test("A record that is made around its message is the one that is made of it", arguments: [0, 1, 8, 1000, 70_000])
    func record(size: Int) {
        let message = Message(body: (0..<size).map { UInt8(truncatingIfNeeded: $0) }, headers: ["a": "b"])
        let file = MessageFile(message: message, queue: "topic~a~b", published: 1_795_462_345_678)
        let record = SegmentRecord(file)
        let payload = file.encoded
        #expect(record.payloadCount == payload.count)
        let name = MessageName(identifier: 7, tag: 9, size: payload.count, expires: 11)
        let bytes = record.finished(name)
        #expect(bytes == SegmentFormat.record(payload, name))
        #expect(bytes.count == SegmentFormat.recordLength(payload: payload.count))
        let header = RecordHeader(bytes[...])
        #expect(header?.name == name)
        #expect(header?.isSound == true)
        #expect(header?.matches(bytes[...]) == true)
    }

    @Test("Random bytes are no message and do no harm")
    func randomBytes() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = Array("Switchboard-Message: 1\n".utf8.prefix(Int.random(in: 0...23, using: &generator)))
            bytes += (0..<Int.random(in: 0...80, using: &generator)).map { _ in UInt8.random(in: 0...255) }
            #expect(throws: MessageFile.Malformed.self) { try MessageFile(decoding: bytes) }
        }
    }

    @Test("Dates of another shape are no dates, however long their numbers")
    func oddDates() throws {
        for text in ["999999999999-1-1-1-1-1-1", "2026-11-23T19:49:44.123+", "2026-13-01T00:00:00.000Z", "x"] {
            #expect(Timestamp(text) == nil, "\(text)")
            let file = MessageFile(message: Message(body: []), queue: "topic~a~b", published: 0)
            let head = String(decoding: file.encoded, as: UTF8.self)
                .replacing("1970-01-01T00:00:00.000Z", with: text)
            #expect(throws: MessageFile.Malformed.self) { try MessageFile(decoding: Array(head.utf8)) }
        }
    }

    @Test("Well-formed headers with odd values do no harm")
    func oddHeaders() {
        let values = [
            "", "-1", "9223372036854775807", "99999999999999999999", "%", "%zz", "ü", "9223372036854775807 ms",
        ]
        let names = [
            "Queue", "Published", "Time-To-Live", "Content-Type", "Content-Length", "Checksum", "Header-x", "Header-%",
            "",
        ]
        for name in names {
            for value in values {
                let text = "Switchboard-Message: 1\n\(name): \(value)\nContent-Length: 0\nChecksum: crc32c 00000000\n\n"
                #expect(throws: MessageFile.Malformed.self) { try MessageFile(decoding: Array(text.utf8)) }
            }
        }
    }

    @Test("Options of the URL")
    func options() throws {
        let configuration = try SpoolConfiguration(
            TransportURL("spool:///var/spool/c1?layout=segment&durability=none&max_messages=7&rescan_seconds=3"))
        #expect(configuration.directory == "/var/spool/c1")
        #expect(configuration.layout == .segment)
        #expect(configuration.durability == .none)
        #expect(configuration.maximumMessages == 7)
        #expect(configuration.rescanInterval == .seconds(3))
        for (text, code, hint) in [
            ("spool:///x?layuot=segment", TransportError.Code.invalidOption, "layout"),
            ("spool:///x?layout=stone", .invalidOption, "maildir, segment"),
            ("spool:///x?max_messages=0", .invalidOption, "from 1"),
            ("spool:///x?layout=segment&layout=segment", .invalidOption, "twice"),
            ("spool://host/x", .invalidURL, "three slashes"), ("spool://u:p@host/x", .invalidURL, "no credentials"),
            ("spool:///", .invalidURL, "directory"),
        ] {
            do throws(TransportError) {
                _ = try SpoolConfiguration(TransportURL(text))
                Issue.record("\(text) was taken")
            } catch {
                #expect(error.code == code, "\(text)")
                #expect(error.message.contains(hint), "\(error.message)")
            }
        }
        #expect(DriverRegistry(.spool()).schemes == ["spool"])
    }
}
