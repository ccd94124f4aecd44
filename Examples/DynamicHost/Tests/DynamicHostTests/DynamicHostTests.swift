import Foundation
import SwitchboardLoading
import Testing

/// Everything that can be wrong with a driver's library, and one with which nothing is.
@Suite("Drivers from shared libraries", .timeLimit(.minutes(2)))
struct DynamicHostTests {
    /// Where SwiftPM puts what it builds, this test too.
    private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().path

    private static func library(_ name: String) -> String { "\(folder)/lib\(name).so" }

    private func load(_ path: String) throws -> DriverRegistry {
        var registry = DriverRegistry()
        try DriverLibrary.load(path, into: &registry)
        return registry
    }

    private func expect(_ problem: DriverLibraryError.Problem, _ parts: String..., from path: String) {
        let error = #expect(throws: DriverLibraryError.self) { try load(path) }
        #expect(error?.problem == problem)
        for part in [path] + parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "")") }
    }

    /// A copy of the good driver with a change to its bytes.
    private func withCopy(
        _ change: (inout [UInt8]) throws -> Void, _ body: (String) throws -> Void
    ) throws {
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.library("AuditDriver"))))
        try change(&bytes)
        // Beside the original, so that it finds the core as that does.
        let path = "\(Self.folder)/libCopy-\(UUID().uuidString).so"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    // MARK: What works

    @Test("The example: a driver from a library carries a call, and does its own work")
    func example() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("audit-\(UUID().uuidString).txt")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "\(Self.folder)/DynamicHost")
        process.arguments = [Self.library("AuditDriver"), "audit://\(file.path)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text == "serves audit\nanswered: \"Hello, Ada!\"\n")
        #expect(process.terminationStatus == 0)
        let audit = try String(contentsOf: file, encoding: .utf8)
        #expect(audit.contains("bytes to topic openstack/greeter"), "\(audit)")
    }

    @Test("What a driver throws is the host's own error type")
    func errors() throws {
        let registry = try load(Self.library("AuditDriver"))
        #expect(registry.schemes == ["audit"])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let error = #expect(throws: TransportError.self) {
            try registry.makeDriver(for: TransportURL("audit://"), logger: logger)
        }
        #expect(error?.code == .invalidURL)
        let driver = try registry.makeDriver(for: TransportURL("audit:///tmp/x"), logger: logger)
        #expect(driver.capabilities.contains(.detectsUnroutable))
    }

    // MARK: What does not

    @Test("A path where nothing is, and one that is no file")
    func unreadable() {
        expect(.unreadable, "No such file", from: "/nonexistent/libX.so")
        expect(.unreadable, "no file", from: Self.folder)
    }

    @Test("A text file")
    func text() throws {
        try withCopy({ $0 = Array("#!/bin/sh\n".utf8) }) { expect(.notALibrary, "ELF", from: $0) }
    }

    @Test("A file that is larger than any driver is not read into memory")
    func vast() throws {
        try withCopy({ _ in }) { path in
            // Sparse: it takes no room on the disk.
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.truncate(atOffset: 1 << 40)
            try file.close()
            expect(.notALibrary, "1099511627776 bytes", from: path)
        }
    }

    @Test("A library for another kind of machine")
    func otherMachine() throws {
        try withCopy({ $0[4] = 1 }) { expect(.notALibrary, "machine", from: $0) }
    }

    @Test("A library that was cut short, wherever", arguments: [5, 63, 4096, 20_000])
    func cutShort(_ length: Int) throws {
        try withCopy({ $0 = Array($0.prefix(length)) }) { expect(.damaged, "cut short", from: $0) }
    }

    @Test("A library that is no driver")
    func noTag() throws {
        try withCopy({ try $0.replace("SWITCHBOARD-DRIVER-ABI/1;", "switchboard-driver-abi/1;") }) {
            expect(.noTag, "switchboard_driver_info", from: $0)
        }
    }

    @Test("A driver of another revision of the core, which is not loaded")
    func otherRevision() throws {
        try withCopy({ try $0.replace("ABI/1;core=7;", "ABI/1;core=0;") }) {
            expect(.otherABI, "revision of the core", "core=0;", "core=7;", "not loaded", from: $0)
        }
    }

    @Test("A driver of another toolchain, which is not loaded")
    func otherToolchain() throws {
        try withCopy({ try $0.replace("core=7;compiler=Clang ", "core=7;compiler=Clong ") }) {
            expect(.otherABI, "toolchain", "Clong", "not loaded", from: $0)
        }
    }

    @Test("A driver whose core lacks what it was built with")
    func missingSymbol() throws {
        try withCopy({ try $0.replace("$s15SwitchboardCore14TransportErrorV", "$s15SwitchboardCore14TransportErrXrV") })
        {
            expect(.notLoadable, "undefined symbol", from: $0)
        }
    }

    @Test("A driver without its functions", arguments: ["switchboard_driver_info", "switchboard_driver_register"])
    func noEntry(_ name: String) throws {
        try withCopy({ try $0.replace(name, String(name.dropLast()) + "X") }) { expect(.noEntry, name, from: $0) }
    }

    @Test("A driver that was linked with the static products")
    func secondCore() {
        expect(.secondCore, "SwitchboardDynamic", from: Self.library("StaticDriver"))
    }

    @Test("A driver whose core's types have other sizes")
    func otherLayout() {
        expect(.otherLayout, "sizes", from: Self.library("OddDriver"))
    }

    @Test("A driver that registers nothing")
    func registersNothing() {
        expect(.registersNothing, from: Self.library("EmptyDriver"))
    }

    @Test("A driver whose scheme is served already")
    func schemeTaken() throws {
        var registry = try load(Self.library("AuditDriver"))
        let error = #expect(throws: DriverLibraryError.self) {
            try DriverLibrary.load(Self.library("AuditDriver"), into: &registry)
        }
        #expect(error?.problem == .schemeTaken)
        #expect(error?.description.contains("audit://") == true)
    }

    @Test("The library of the core itself is no driver")
    func core() {
        expect(.noEntry, "switchboard_driver_info", from: Self.library("SwitchboardDynamic"))
    }
}

extension [UInt8] {
    /// Replaces every occurrence by something as long; there must be one.
    fileprivate mutating func replace(_ old: String, _ new: String) throws {
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        try #require(old.count == new.count)
        var data = Data(self)
        var found = 0
        var start = data.startIndex
        while let range = data.range(of: Data(old), in: start..<data.endIndex) {
            data.replaceSubrange(range, with: new)
            found += 1
            start = range.upperBound
        }
        try #require(found > 0, "The driver does not contain \(String(decoding: old, as: UTF8.self)).")
        self = Array(data)
    }
}
