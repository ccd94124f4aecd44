import ArgumentParser
import OsloConfiguration
import SwitchboardCore
import Testing

@testable import SwitchboardCommand

/// What a command works with, as a function of options, environment, profile and files.
@Suite struct CommandSettingsTests {
    private static let nova = """
        [DEFAULT]
        transport_url = rabbit://nova:hunter2@file/
        [database]
        connection = mysql+pymysql://nova:hunter2@file/nova
        [api_database]
        connection = mysql+pymysql://nova:hunter2@file/nova_api
        connection_parameters = charset=utf8
        """
    private static let profiles = """
        [DEFAULT]
        host = profile
        [prod]
        database = mysql://nova:hunter2@$host/nova_api
        transport_url = rabbit://nova:hunter2@$host/
        database_connection = mysql://nova:hunter2@$host/nova
        """
    private static let environment = [
        "SWITCHBOARD_DATABASE": "/environment", "SWITCHBOARD_TRANSPORT_URL": "rabbit://environment/",
        "SWITCHBOARD_DATABASE_CONNECTION": "mysql://environment/nova",
    ]

    private func file(_ text: String, _ path: String = "/etc/nova/nova.conf") throws -> OsloConfigurationFile {
        try OsloConfigurationFile(parsing: text.utf8, path: path)
    }

    private func settings(
        _ environment: [String: String] = [:], profile: String? = nil, nova: String? = nil
    ) throws -> CommandSettings {
        try CommandSettings(
            environment: environment,
            profile: profile.map { try Profile("prod", in: file($0, "/home/me/profiles")) },
            configuration: NovaConfiguration(files: nova.map { [try file($0)] } ?? []))
    }

    @Test(arguments: CommandSettings.Name.allCases)
    func `An option wins over the environment, that over a profile, and that over a file`(
        name: CommandSettings.Name
    ) throws {
        func winner(_ settings: CommandSettings, given: String? = nil) throws -> CommandSettings.Candidate? {
            try settings.resolve(name, given: given, option: "--it")?.winner
        }
        let all = try settings(Self.environment, profile: Self.profiles, nova: Self.nova)
        #expect(try winner(all, given: "given")?.text == "given")
        #expect(try winner(all, given: "given")?.origin == .option("--it"))
        #expect(try winner(all)?.text.contains("environment") == true)
        #expect(try winner(settings(profile: Self.profiles, nova: Self.nova))?.text.contains("profile") == true)
        let last = try #require(try winner(settings(nova: Self.nova)))
        #expect(last.text.contains("file"))
        #expect("\(last.origin)".contains("/etc/nova/nova.conf:"))
        #expect(try winner(settings()) == nil)
        #expect(try winner(settings(["SWITCHBOARD_DATABASE": "", "SWITCHBOARD_TRANSPORT_URL": ""])) == nil)
    }

    @Test func `Which source won is told where they disagree, and no password with it`() throws {
        let all = try settings(Self.environment, profile: Self.profiles, nova: Self.nova)
        let sentence = try #require(
            try all.resolve(.directory, given: "cells.sqlite", option: "--database")?.disagreement)
        #expect(
            sentence == "The directory is cells.sqlite, from --database; database of the profile prod "
                + "(/home/me/profiles:4) says mysql://nova:***@profile/nova_api; [api_database] connection "
                + "(/etc/nova/nova.conf:6) says mysql+pymysql://nova:***@file/nova_api?charset=utf8.")
        #expect(!sentence.contains("hunter2"))
        let password = try settings(
            ["SWITCHBOARD_TRANSPORT_URL": "rabbit://nova:other@file/"], nova: Self.nova
        ).resolve(.transportURL)?.disagreement
        #expect(password?.hasSuffix("says the same with another password.") == true)
    }

    @Test func `Nothing is told where they agree, or an option replaces a variable`() throws {
        let same = try settings(
            ["SWITCHBOARD_TRANSPORT_URL": "rabbit://nova:hunter2@file/"], nova: Self.nova)
        #expect(try same.resolve(.transportURL)?.disagreement == nil)
        #expect(try settings(Self.environment).resolve(.directory, given: "/other")?.disagreement == nil)
    }

    @Test func `Notifications have their own queue where a file says so, else the process's`() throws {
        let own = Self.nova + "\n[oslo_messaging_notifications]\ntransport_url = rabbit://notes/\n"
        #expect(try settings(nova: own).resolve(.notificationURL)?.winner.text == "rabbit://notes/")
        #expect(try settings(nova: own).resolve(.transportURL)?.winner.text == "rabbit://nova:hunter2@file/")
        #expect(try settings(nova: Self.nova).resolve(.notificationURL)?.winner.text == "rabbit://nova:hunter2@file/")
        let notifications = try NovaConfiguration(files: [
            file(
                """
                [oslo_messaging_notifications]
                driver = messaging
                driver = log
                topics = a, b
                retry = 3
                """)
        ]).notifications()
        #expect(notifications == NotificationSettings(drivers: ["messaging", "log"], topics: ["a", "b"], retry: 3))
    }

    @Test func `Options of the queue are those that the file gives, in the driver's words`() throws {
        let nova = NovaConfiguration(files: [
            try file(
                """
                [oslo_messaging_rabbit]
                rabbit_quorum_queue = Yes
                rabbit_qos_prefetch_count = 010
                kombu_reconnect_timeout = 5
                rabbit_unknown = 1
                ssl_ca_file =
                """)
        ])
        #expect(
            try nova.queueOptions().map(\.option) == [
                .init("kombu_missing_consumer_retry_timeout", "5"), .init("rabbit_qos_prefetch_count", "10"),
                .init("rabbit_quorum_queue", "true"),
            ])
    }

    @Test func `Files and directories keep the order of the command line`() throws {
        let arguments = [
            "list", "--config-dir", "d1", "--config-file=f1", "--json", "--config-dir=d2", "--config-file", "f2",
        ]
        var options = ConfigurationOptions()
        options.configFile = ["f1", "f2"]
        options.configDir = ["d1", "d2"]
        #expect(options.sources(in: arguments) == [.directory("d1"), .file("f1"), .directory("d2"), .file("f2")])
        #expect(options.sources(in: []) == [.file("f1"), .file("f2"), .directory("d1"), .directory("d2")])
    }

    @Test(arguments: [
        ("rabbit://nova@mq/v", "rabbit://nova:p%40%2F%3A%20%C3%A9@mq/v"),
        ("rabbit://a@h1:1,b:x@h2,h3/v?x=y@z", "rabbit://a:p%40%2F%3A%20%C3%A9@h1:1,b:x@h2,h3/v?x=y@z"),
        ("mysql+pymysql://nova@db?charset=utf8", "mysql+pymysql://nova:p%40%2F%3A%20%C3%A9@db?charset=utf8"),
        ("rabbit://mq/", "rabbit://mq/"), ("cells.sqlite", "cells.sqlite"), ("rabbit://@mq/", "rabbit://@mq/"),
    ])
    func `A fetched password is put where a URL lacks one`(url: String, whole: String) {
        #expect(URLPassword.inserting("p@/: é", into: url) == whole)
        #expect(URLPassword.isMissing(in: url) == (url != whole))
    }

    @Test func `A command is split into words as a shell does, without the rest of a shell`() {
        #expect(
            ShellWords.split("pass  show 'a b' \"c'd\" e\\ f '' $HOME;x") == [
                "pass", "show", "a b", "c'd", "e f", "", "$HOME;x",
            ])
        #expect(ShellWords.split("pass 'open") == nil)
        #expect(ShellWords.split("end\\") == nil)
        #expect(ShellWords.split("  ") == [])
    }

    @Test func `A program that takes too long is ended, and what it prints beyond the maximum is dropped`() throws {
        let clock = ContinuousClock()
        var slow: HelperProgram?
        let time = clock.measure {
            slow = HelperProgram.run(["sleep", "600"], limit: .milliseconds(300), maximumOutput: 10)
        }
        guard case .tookTooLong = try #require(slow).end else { throw UnexpectedEnd() }
        #expect(time < .seconds(60))
        // One that ends, and leaves somebody behind who holds its output.
        let forked = HelperProgram.run(
            ["sh", "-c", "sleep 5 & echo x"], limit: .milliseconds(300), maximumOutput: 10)
        guard case .tookTooLong = forked.end else { throw UnexpectedEnd() }
        let loud = HelperProgram.run(
            ["sh", "-c", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 3"], limit: .seconds(60),
            maximumOutput: 10)
        guard case .status(3) = loud.end else { throw UnexpectedEnd() }
        #expect(loud.output.count == 11 && loud.errors.count == 65_536)
    }

    private struct UnexpectedEnd: Error {}
}

/// Options that a command takes count.
struct ConfiguredCommandTests {
    private static func all(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        [command] + command.configuration.subcommands.flatMap(all)
    }

    @Test func `Every command that takes --config-file reads it`() {
        let commands = Self.all(below: SwitchboardCommand.self).filter {
            $0.configuration.subcommands.isEmpty && $0.helpMessage(includeHidden: true).contains("--config-file <")
        }
        #expect(commands.count > 20)
        // These read it themselves: they say what is in it.
        let explaining = ["explain", "profiles"]
        for command in commands where !explaining.contains(command._commandName) {
            #expect(command is any ConfiguredCommand.Type, "\(command._commandName)")
        }
    }
}
