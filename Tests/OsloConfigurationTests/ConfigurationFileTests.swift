import Foundation
import OsloConfiguration
import Testing

@Suite struct ConfigurationFileTests {
    @Test func `A file is its sections and assignments, with their lines`() throws {
        let file = try parse(
            """
            # Nova's
            [DEFAULT]
            transport_url = rabbit://nova:pw@mq1:5672,
              nova:pw@mq2:5672/
            my_ip: "10.0.0.1"

            [Database]
            connection =
            """)
        #expect(file.sections.map(\.name) == ["DEFAULT", "Database"])
        #expect(file.assignments.map(\.name) == ["transport_url", "my_ip", "connection"])
        #expect(file.assignments.map(\.line) == [3, 5, 8])
        #expect(file.assignments[0].text == "rabbit://nova:pw@mq1:5672,\nnova:pw@mq2:5672/")
        #expect(file.assignments[1].text == "10.0.0.1")
        let configuration = OsloConfiguration(files: [file])
        #expect(try configuration.text("connection", group: "DATABASE") == "")
        #expect(try configuration.text("my_ip", group: "default") == nil, "[default] is another section than [DEFAULT]")
    }

    @Test(arguments: [
        ("[DEFAULT]\nhunter2\n", "noSeparator", 2), ("[DEFAULT\nhunter2 = 1\n", "unclosedSection", 1),
        ("[]\n", "unnamedSection", 1), ("[DEFAULT]\n= hunter2\n", "unnamedOption", 2),
        ("[DEFAULT]\n\n  hunter2\n", "unexpectedContinuation", 3), ("\n# x\nhunter2 = 1\n\n[a]\n", "noSection", 3),
        ("\u{FEFF}[DEFAULT]\nhunter2=1\n", "noSeparator", 1), ("[a] # hunter2\n", "unclosedSection", 1),
        ("[a]\nx = 1\n# y\n  hunter2\n", "unexpectedContinuation", 4),
    ])
    func `A mistake is told with its file and line and what to do, and without what the line says`(
        text: String, code: String, line: Int
    ) throws {
        let error = try #require(throws: OsloConfigurationError.self) { try parse(text) }
        #expect("\(error.code)" == code)
        #expect(error.line == line)
        #expect(error.message.hasPrefix("/etc/nova/nova.conf:\(line): "))
        #expect(error.message.contains("Write ") || error.message.contains("Begin ") || error.message.contains("Save "))
        #expect(!error.message.contains("hunter2"))
    }

    @Test func `Bytes that aren't UTF-8 are told with their line`() throws {
        let error = try #require(throws: OsloConfigurationError.self) {
            try OsloConfigurationFile(parsing: Array("[a]\r\nx = 1\ry = ".utf8) + [0xFF, 0x0A], path: "f")
        }
        #expect(error.code == .notText && error.line == 3)
    }

    @Test func `Values that refer to each other in a circle, or grow without bounds, are errors`() throws {
        var text = "[DEFAULT]\na = $b\nb = ${c}\nc = $a\nlonely = $lonely\nx0 = 0123456789abcdef\n"
        for number in 1...60 { text += "x\(number) = $x\(number - 1)$x\(number - 1)\n" }
        text += "y0 =\n"
        for number in 1...60 { text += "y\(number) = $y\(number - 1)$y\(number - 1)\n" }
        text += "z0 = end\n"
        for number in 1...500 { text += "z\(number) = $z\(number - 1)\n" }
        let configuration = OsloConfiguration(files: [try parse(text)])
        func code(_ name: String) -> OsloConfigurationError.Code? {
            do throws(OsloConfigurationError) { _ = try configuration.text(name) } catch { return error.code }
            return nil
        }
        #expect(code("a") == .circularReference)
        #expect(code("lonely") == .circularReference)
        #expect(code("x60") == .tooLarge)
        #expect(try configuration.text("y60") == "", "each is worked out once")
        #expect(try configuration.text("z90") == "end")
        #expect(code("z500") == .circularReference)
    }

    @Test func `A dollar sign in a password is an error that says how to write it, and not the password`() throws {
        let file = try parse(
            "[database]\nconnection = mysql://nova:hunter$2x@db/nova\nspare = mysql://n:hun$ter@db/x\n")
        let configuration = OsloConfiguration(files: [file])
        let secret = OsloOption(group: "database", name: "spare", isSecret: true)
        let error = try #require(throws: OsloConfigurationError.self) { try configuration.setting(secret) }
        #expect(error.code == .unknownReference && error.line == 3)
        #expect(error.message.contains("$$") && !error.message.contains("ter"))
        #expect(try configuration.text("connection", group: "database") == "mysql://nova:hunter$2x@db/nova")
    }

    @Test func `Where a value comes from is its last line, and the deprecated name that it has there`() throws {
        let one = try OsloConfigurationFile(parsing: "[DEFAULT]\nnew = 1\nnew = 2\n".utf8, path: "one")
        let two = try OsloConfigurationFile(parsing: "[old]\nold = 3\n".utf8, path: "two")
        let option = OsloOption(
            name: "new", type: .integer(), defaults: ["0"], deprecatedNames: [.init(group: "OLD", name: "old")])
        let setting = try #require(try OsloConfiguration(files: [one, two]).setting(option))
        #expect(setting.integer == 3)
        #expect(setting.origin == .file(path: "two", line: 2))
        #expect(setting.deprecatedName == .init(group: "OLD", name: "old"))
        #expect(try OsloConfiguration(files: [one]).setting(option)?.description == "[DEFAULT] new = 2 (one:3)")
        #expect(try OsloConfiguration(files: []).setting(option)?.origin == .optionDefault)
        let variable = OsloConfiguration(files: [one], environment: ["OS_DEFAULT__NEW": "4"])
        #expect(try variable.setting(option)?.description == "[DEFAULT] new = 4 (OS_DEFAULT__NEW)")
    }

    @Test(arguments: [
        ("admin_password", "hunter2"), ("memcache_secret_key", "hunter2"), ("auth_token", "hunter2"),
        ("transport_url", "rabbit://nova:hunter2@mq/"), ("connection", "mysql+pymysql://nova:hunter2@db/nova?ssl_ca=x"),
        ("transport_url", "rabbit://a:hunter2@h1,b:hunter2@h2/v"), ("note", "password=hunter2"),
        ("transport_url", "rabbit://nova:hunter2@mq/ rabbit://x:hunter2@y/"),
    ])
    func `What is shown of a secret is a mask`(name: String, text: String) throws {
        #expect(!OsloConfiguration.shown(text, ofName: name).contains("hunter2"))
        #expect(OsloConfiguration.shown(text, ofName: name).contains("***"))
        let configuration = OsloConfiguration(
            files: [try OsloConfigurationFile(parsing: "[DEFAULT]\n\(name) = \(text)\n".utf8, path: "f")])
        let setting = try #require(try configuration.setting(OsloOption(name: name)))
        #expect(!"\(setting)".contains("hunter2"))
    }

    @Test func `Files are read in the order in which they are named, and directories by their names`() throws {
        let folder = try Folder()
        let first = try folder.write("nova.conf", "[DEFAULT]\nx = file\ny = file\n")
        try folder.write("nova.conf.d/20-b.conf", "[DEFAULT]\nx = b\n")
        try folder.write("nova.conf.d/10-c.conf", "[DEFAULT]\nx = c\nz = c\n")
        try folder.write("nova.conf.d/.99-hidden.conf", "[DEFAULT]\nx = hidden\n")
        try folder.write("nova.conf.d/notes.txt", "no configuration\n")
        func read(_ sources: [OsloConfigurationSource]) throws -> OsloConfiguration {
            OsloConfiguration(files: try sources.flatMap { try $0.read(home: folder.path) })
        }
        let both = try read([.file("~/nova.conf"), .directory("~/nova.conf.d")])
        #expect(both.files.map { ($0.path as NSString).lastPathComponent } == ["nova.conf", "10-c.conf", "20-b.conf"])
        #expect(try both.text("x") == "b")
        #expect(try both.text("z") == "c")
        #expect(try read([.directory(folder.path + "/nova.conf.d"), .file(first)]).text("x") == "file")
    }

    @Test func `What can't be read is an error with the path, and a pipe that nobody fills doesn't hold us up`() throws
    {
        let folder = try Folder()
        func code(_ source: OsloConfigurationSource) -> OsloConfigurationError.Code? {
            do throws(OsloConfigurationError) { _ = try source.read(home: nil) } catch {
                #expect(error.message.contains(folder.path))
                return error.code
            }
            return nil
        }
        #expect(code(.file(folder.path + "/none.conf")) == .notFound)
        #expect(code(.directory(folder.path + "/none")) == .notFound)
        #expect(code(.file(folder.path)) == .unreadable)
        let large = try folder.write("large.conf", "[a]\n" + String(repeating: "# x\n", count: 5 << 20))
        #expect(code(.file(large)) == .tooLarge)
        let pipe = folder.path + "/pipe.conf"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(code(.file(pipe)) == nil)
    }

    @Test func `The standard places are searched as oslo.config searches them, and only when asked`() throws {
        let folder = try Folder()
        let home = folder.path + "/home"
        func found(_ program: String? = nil) -> [OsloConfigurationSource] {
            OsloConfigurationSource.standard(project: "nova", program: program, home: home, root: folder.path)
        }
        #expect(found().isEmpty)
        let etc = try folder.write("etc/nova/nova.conf", "")
        #expect(found() == [.file(etc)])
        let dist = try folder.write("usr/share/nova/nova-dist.conf", "")
        let own = try folder.write("home/.nova/nova.conf", "")
        let compute = try folder.write("etc/nova/nova-compute.conf", "")
        try folder.write("etc/nova/nova.conf.d/a.conf", "")
        #expect(
            found("nova-compute") == [
                .file(dist), .file(own), .file(compute), .directory(folder.path + "/etc/nova/nova.conf.d"),
            ])
    }

    @Test func `Any bytes give a file or an error`() {
        var generator = SeededGenerator(seed: 22)
        let alphabet = Array("[]=:#; \t\n\r\"'$\\{}.a1_\u{A0}\u{85}\u{FEFF}".utf8) + [0xFF, 0x00, 0xC3]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator)!
            }
            guard let file = try? OsloConfigurationFile(parsing: bytes, path: "f") else { continue }
            let configuration = OsloConfiguration(files: [file])
            for assignment in file.assignments {
                let option = OsloOption(group: assignment.section, name: assignment.name)
                guard let setting = try? configuration.setting(option) else { continue }
                #expect(setting.origin != .optionDefault)
            }
        }
    }

    private func parse(_ text: String) throws -> OsloConfigurationFile {
        try OsloConfigurationFile(parsing: text.utf8, path: "/etc/nova/nova.conf")
    }
}
