import Foundation
import SwitchboardMessaging
import Testing

/// Settings from configuration files and profiles, with the built program.
@Suite(.timeLimit(.minutes(5))) struct ConfigurationCommandTests {
    private let program: Program

    init() throws {
        program = try Program()
    }

    @discardableResult
    private func write(_ name: String, _ text: String, permissions: Int = 0o600) throws -> String {
        let path = "\(program.folder)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        return path
    }

    /// Without the directory that the other tests have in the environment.
    private func run(
        _ arguments: String..., environment: [String: String] = [:]
    ) throws -> Program.Result {
        try program.start(
            arguments,
            environment: ["SWITCHBOARD_DATABASE": "", "HOME": program.folder, "PATH": "/usr/bin:/bin"]
                .merging(environment) { $1 }
        ).wait()
    }

    private func expectNoSecret(_ result: Program.Result) {
        #expect(!result.output.contains("hunter2") && !result.errors.contains("hunter2"), "\(result)")
    }

    @Test func `A nova.conf gives the directory and the base of templates`() throws {
        try write(
            "nova.conf",
            """
            [DEFAULT]
            my_host = mq
            transport_url = rabbit://nova:hunter2@$my_host:5671/
            [database]
            connection = mysql+pymysql://nova:hunter2@db/nova
            [api_database]
            connection = sqlite:///\(program.folder)/api.sqlite
            """)
        #expect(try run("init", "--config-file", "nova.conf").status == 0)
        let created = try run(
            "cell", "create", "--config-file", "nova.conf", "--name", "one", "--transport-url",
            "{scheme}://{username}:{password}@{hostname}:{port}/one", "--database-connection",
            "{scheme}://{username}:{password}@{hostname}/one")
        #expect(created.status == 0, "\(created)")
        let shown = try run("cell", "show", "one", environment: ["SWITCHBOARD_CONFIG_FILE": "nova.conf"])
        #expect(shown.output.contains("rabbit://nova:***@mq:5671/one"), "\(shown)")
        #expect(shown.output.contains("mysql+pymysql://nova:***@db/one"), "\(shown)")
        #expect(shown.errors.isEmpty, "\(shown)")
        expectNoSecret(shown)
        let secrets = try run("cell", "show", "one", "--show-secrets", "--config-file=nova.conf")
        #expect(secrets.output.contains("rabbit://nova:hunter2@mq:5671/one"), "\(secrets)")
    }

    @Test func `Where sources disagree, standard error says once which won, without secrets`() throws {
        try write("nova.conf", "[api_database]\nconnection = mysql://nova:hunter2@db/nova_api\n")
        #expect(try run("init", "--database", "own.sqlite").status == 0)
        let option = try run("cell", "list", "--database", "own.sqlite", "--config-file", "nova.conf")
        #expect(option.status == 0 && option.output.contains("cell0"), "\(option)")
        #expect(
            option.errors
                == "switchboard: note: The directory is own.sqlite, from --database; [api_database] connection "
                + "(nova.conf:2) says mysql://nova:***@db/nova_api.\n", "\(option)")
        let variable = try run(
            "cell", "list", "--config-file", "nova.conf", environment: ["SWITCHBOARD_DATABASE": "own.sqlite"])
        #expect(variable.errors.contains("from SWITCHBOARD_DATABASE;"), "\(variable)")
        for result in [option, variable] { expectNoSecret(result) }
    }

    @Test func `Files and directories are read in the order in which they are named`() throws {
        for name in ["first", "second"] { #expect(try run("init", "--database", "\(name).sqlite").status == 0) }
        try write("one.conf", "[api_database]\nconnection = sqlite:///first.sqlite\n")
        try FileManager.default.createDirectory(atPath: "\(program.folder)/conf.d", withIntermediateDirectories: true)
        try write("conf.d/a.conf", "[api_database]\nconnection = sqlite:///second.sqlite\n")
        #expect(
            try run("cell", "create", "--database", "second.sqlite", "--name", "two", "--transport-url", "fake://two")
                .status == 0)
        let last = try run("cell", "list", "--config-file", "one.conf", "--config-dir", "conf.d")
        #expect(last.output.contains("two"), "\(last)")
        let first = try run("cell", "list", "--config-dir", "conf.d", "--config-file", "one.conf")
        #expect(first.status == 0 && !first.output.contains("two"), "\(first)")
    }

    /// Files, and where they are wrong.
    private static let unusable = [
        ("[api_database\n", "nova.conf:1:"), ("hunter2\n", "nova.conf:1:"),
        ("[a]\nx = 1\n\n  hunter2\n", "nova.conf:4:"),
        ("[api_database]\nconnection = mysql://nova:hunter2$x@db/a\n", "nova.conf:2:"),
    ]

    #if RabbitMQ
        private static let unusableByDriver = [
            ("[oslo_messaging_rabbit]\nrabbit_quorum_queue = hunter2\n", "nova.conf:2:")
        ]
    #else
        private static let unusableByDriver: [(String, String)] = []
    #endif

    @Test(arguments: unusable + unusableByDriver)
    func `A file that can't be used ends the command with 78, its line, and no secret`(
        text: String, place: String
    ) throws {
        try write("nova.conf", text)
        let result = try run("cell", "list", "--config-file", "nova.conf")
        #expect(result.status == 78, "\(result)")
        #expect(result.errors.contains(place), "\(result)")
        expectNoSecret(result)
        let missing = try run("cell", "list", "--config-file", "nowhere.conf")
        #expect(missing.status == 78 && missing.errors.contains("nowhere.conf"), "\(missing)")
    }

    @Test func `A database of MariaDB in a file is said to need another build, or is opened by this one`() throws {
        try write("nova.conf", "[api_database]\nconnection = mysql+pymysql://nova:hunter2@127.0.0.1:1/nova_api\n")
        let result = try run("cell", "list", "--config-file", "nova.conf")
        #expect(result.status == 255, "\(result)")
        #if MariaDB
            #expect(result.errors.contains("127.0.0.1"), "\(result)")
        #else
            #expect(result.errors.contains("with the trait MariaDB"), "\(result)")
        #endif
        expectNoSecret(result)
    }

    #if RabbitMQ
        @Test func `What oslo.messaging takes and this driver doesn't is said and left out; a URL's own options win`()
            throws
        {
            try write(
                "nova.conf",
                """
                [DEFAULT]
                transport_url = spool://\(program.folder)/spool
                [oslo_messaging_rabbit]
                kombu_compression = gzip
                rabbit_ha_queues = true
                rabbit_quorum_queue = true
                heartbeat_in_pthread = true
                """)
            #expect(try run("init", "--database", "cells.sqlite").status == 0)
            let arguments = [
                "cell", "create", "--database", "cells.sqlite", "--config-file", "nova.conf", "--transport-url",
            ]
            let refused = try program.start(arguments + ["rabbit://u:p@h/one"]).wait()
            #expect(refused.status == 1 && refused.errors.contains("rabbit_ha_queues"), "\(refused)")
            #expect(refused.errors.contains("note: [oslo_messaging_rabbit] kombu_compression (nova.conf:4) isn't used"))
            let own = try program.start(arguments + ["rabbit://u:p@h/one?rabbit_ha_queues=false"]).wait()
            #expect(own.status == 0, "\(own)")
            // The process's own queue, and notifications through it.
            let ping = try run("ping", "--config-file", "nova.conf")
            #expect(ping.status == 0 && ping.output.contains("the process's own queue answered"), "\(ping)")
        }
    #endif

    @Test func `Notifications take queue, topics and driver from the file`() throws {
        try write(
            "nova.conf",
            """
            [DEFAULT]
            transport_url = spool://\(program.folder)/rpc
            [oslo_messaging_notifications]
            transport_url = spool://\(program.folder)/notes
            topics = audit
            driver = messaging
            """)
        let listening = try program.start(
            ["notify", "listen", "--config-file", "nova.conf", "--count", "1", "--json"])
        let sent = try run("notify", "send", "volume.create", "--config-file", "nova.conf")
        #expect(sent.status == 0, "\(sent)")
        let heard = try listening.wait()
        #expect(try heard.json()["event_type"] == "volume.create", "\(heard)")
        let queues = try run("spool", "list", "notes")
        #expect(queues.output.contains("audit.info"), "\(queues)")
        #expect(!FileManager.default.fileExists(atPath: "\(program.folder)/rpc"))
    }

    @Test func `A profile gives settings, with passwords of a file or a command that nothing shows`() throws {
        try write("password", "hunter2\n")
        let profiles = try write(
            "profiles",
            """
            [prod]
            database = cells.sqlite
            transport_url = rabbit://nova@mq/
            password_command = sh -c 'echo hunter2; echo asked for hunter2 >&2'
            timeout = 5
            [stage]
            database = cells.sqlite
            transport_url = rabbit://nova@mq/
            password_file = password
            """)
        let environment = ["SWITCHBOARD_PROFILES": profiles]
        #expect(try run("init", "--profile", "prod", environment: environment).status == 0)
        let created = try run(
            "cell", "create", "--profile", "PROD", "--name", "one", "--transport-url",
            "rabbit://{username}:{password}@one/", environment: environment)
        #expect(created.status == 0, "\(created)")
        #expect(created.errors.contains("switchboard: sh: asked for ***"), "\(created)")
        let command = try run(
            "cell", "show", "one", "--show-secrets", "--profile", "prod", environment: environment)
        #expect(command.output.contains("rabbit://nova:hunter2@one/"), "\(command)")
        let file = try run(
            "cell", "show", "one", environment: environment.merging(["SWITCHBOARD_PROFILE": "stage"]) { $1 })
        #expect(file.output.contains("rabbit://nova:***@one/") && file.errors.isEmpty, "\(file)")
        let listed = try run("cell", "list", "--profile", "prod", environment: environment)
        #expect(listed.status == 0 && listed.errors.isEmpty, "no password is fetched that isn't needed: \(listed)")
        for result in [created, file, listed] { expectNoSecret(result) }
    }

    @Test(arguments: [
        ("datbase = x", "did you mean database?"), ("timeout = soon", "timeout"),
        ("password_file = p", "transport_url"),
        ("transport_url = rabbit://u:hunter2@h/\npassword_file = p", "has a password already"),
        ("transport_url = rabbit://u@h/\npassword_file = p\npassword_command = q", "Leave one out"),
        ("transport_url = rabbit://u@h/\npassword_command = 'q", "quote"),
    ])
    func `A profile that can't be used is refused with its line`(text: String, reason: String) throws {
        let profiles = try write("profiles", "[prod]\n\(text)\n")
        let result = try run("cell", "list", "--profile", "prod", "--profiles", profiles)
        #expect(result.status == 78, "\(result)")
        #expect(result.errors.contains(reason) && result.errors.contains("\(profiles):"), "\(result)")
        let unknown = try run("cell", "list", "--profile", "prd", "--profiles", profiles)
        #expect(unknown.status == 78 && unknown.errors.contains("did you mean prod?"), "\(unknown)")
        for result in [result, unknown] { expectNoSecret(result) }
    }

    @Test(arguments: [
        ("false", "ended with status 1"), ("sh -c 'echo hunter2 >&2; exit 3'", "ended with status 3"),
        ("no-such-program-here x", "can't be started: No such file"), ("true", "doesn't begin with a line"),
        ("sh -c 'kill -9 $$'", "ended with status 137"),
    ])
    func `A password command that fails is told with its line`(command: String, reason: String) throws {
        // A dollar sign in a value is written twice.
        let text = command.replacing("$", with: "$$")
        let profiles = try write(
            "profiles",
            "[prod]\ndatabase = cells.sqlite\ntransport_url = rabbit://u@h/\npassword_command = \(text)\n")
        #expect(try run("init", "--database", "cells.sqlite").status == 0)
        let result = try run("cell", "verify", "--profile", "prod", "--profiles", profiles)
        #expect(result.status == 78, "\(result)")
        #expect(result.errors.contains("\(profiles):4:") && result.errors.contains(reason), "\(result)")
    }

    @Test func `Profiles are listed without their passwords, and others' eyes on them are warned of`() throws {
        let profiles = try write(
            "profiles",
            """
            [prod]
            database = mysql://nova:hunter2@db/nova_api
            config_file = nova.conf
            config_dir = /etc/nova/nova.conf.d
            [stage]
            transport_url = rabbit://nova@mq/
            password_command = pass show hunter2/mq
            """, permissions: 0o644)
        let result = try run(
            "config", "profiles", "--profiles", profiles, environment: ["SWITCHBOARD_PROFILE": "stage"])
        #expect(result.status == 0, "\(result)")
        #expect(result.output.contains("mysql://nova:***@db/nova_api"), "\(result)")
        #expect(result.output.contains("\(program.folder)/nova.conf, /etc/nova/nova.conf.d/"), "\(result)")
        #expect(result.output.contains("queue: command pass"), "\(result)")
        #expect(result.errors.contains("others can read it") && result.errors.contains("chmod 600"), "\(result)")
        let json = try run("config", "profiles", "--json", "--profiles", profiles).json()
        #expect(json[0]?["profile"] == "prod" && json[1]?["passwords"]?[0] == "queue: command pass")
        expectNoSecret(result)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: profiles)
        #expect(try run("config", "profiles", "--profiles", profiles).errors.isEmpty)
        let none = try run("config", "profiles")
        #expect(none.status == 0 && none.errors.contains("\(program.folder)/.config/switchboard/config"), "\(none)")
    }
}
