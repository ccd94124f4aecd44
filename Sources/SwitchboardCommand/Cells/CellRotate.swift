import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

struct CellRotate: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Gives a cell new credentials, and tells when the old user can go.",
        discussion: """
            Make the new user at the broker first, with the permissions of the old one. This command then proves the new credentials: it \
            logs in, opens the virtual host, looks at the permissions and sends a message through the queue, as 'switchboard doctor' \
            does. Only then it asks, or takes --yes, and puts the new URL into the cell's mapping; programs that follow the directory \
            move within a second. It watches the old user's connections, and says whose they are: services that read the directory \
            only when they start, or have the URL in a file of their own as nova-compute does, have to be given the new one and \
            restarted. The old user can go when it says so, and not before.

            For example:

              switchboard cell rotate one --username nova2 --password-file new-password --management-port 15672
              switchboard cell rotate one --username nova2 --password-file new-password --management-port 15672 --old-username nova

            The second one looks again at a cell that has its new credentials already. Without RabbitMQ's management API it can't be \
            seen who uses the old user, which is said. The API is asked with the new user, who needs the tag monitoring there, unless \
            SWITCHBOARD_MANAGEMENT_USER and SWITCHBOARD_MANAGEMENT_PASSWORD name another one. No password is ever printed.

            Exit codes: 0 the cell has its new credentials, and nobody uses the old ones; 1 there is no such cell; 2 the new credentials \
            can't be used, and nothing was changed; 3 the cell has its new credentials, and the old ones are still used, or it can't be \
            seen; 4 the question wasn't answered with yes, and nothing was changed; 255 the directory cannot be used.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.badURL: 2, .invalidValue: 2]

    @OptionGroup var cell: CellArgument
    @Option(
        name: [.customLong("transport-url"), .customLong("transport_url")],
        help: ArgumentHelp(
            "The cell's URL with the new credentials, or a template; - to read it from standard input. It leads to the same broker and "
                + "virtual host.", valueName: "url"))
    var transportURL: String?
    @Option(
        help: ArgumentHelp("The new user; the rest of the URL stays as it is. Default: the old one.", valueName: "name")
    )
    var username: String?
    @Option(help: ArgumentHelp("The file whose first line is the new password.", valueName: "path"))
    var passwordFile: String?
    @Option(
        help: ArgumentHelp(
            "Watch this user's connections. Default: the user of the cell's URL before the change.", valueName: "name"))
    var oldUsername: String?
    @Option(help: "Also prove that callers and servers of this topic have their permissions.")
    var topic: String?
    @Option(help: "The exchange of the topic. Nova's is nova.")
    var exchange = Topic.defaultExchange
    @Option(parsing: .unconditional, help: .time("How long connections may take to move"))
    var wait: TimeSpan = 60
    @Option(parsing: .unconditional, help: .time("How long each step may take"))
    var timeout: TimeSpan = 10
    @Flag(help: "Don't ask.")
    var yes = false
    @OptionGroup var management: ManagementOptions
    @OptionGroup var base: BaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if (transportURL == nil) == (passwordFile == nil) {
            throw ValidationError("Give --username and --password-file of the new credentials, or --transport-url.")
        }
        if transportURL != nil, username != nil {
            throw ValidationError("--transport-url has its user in it: leave out --username.")
        }
        if username == "" || oldUsername == "" { throw ValidationError("A user's name is empty.") }
        try wait.validate(as: "--wait", from: 0, to: .day)
        try timeout.validate(as: "--timeout")
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        let rotation = try await rotation(in: directory)
        let report = RotationReport(rotation: rotation, asJSON: output.json)
        let proof = await rotation.prove()
        try report.add(proof)
        guard proof.status != .failed, proof.results.contains(where: { $0.step == "login" && $0.status == .ok }) else {
            try report.end(isSwitched: false)
            throw Failure("The new credentials can't be used; nothing was changed.", exit: 2)
        }
        if rotation.switches, !yes, !(try isAgreed(rotation)) {
            try report.end(isSwitched: false)
            throw Failure("Nothing was changed.", exit: 4)
        }
        #if RabbitMQ
            let before = await rotation.connectionsBefore()
        #endif
        if rotation.switches {
            try await rotation.switchMapping(in: directory)
            try report.line("The mapping of the cell \(rotation.cell.identity) is switched to \(rotation.template).")
        }
        #if RabbitMQ
            let use = try await rotation.watch(before) { try report.remaining($0) }
        #else
            let use = OldUserUse.unseen(reason: "this program was built without RabbitMQ")
        #endif
        let others = try await rotation.otherCells(in: directory, base: base.urls)
        try report.end(isSwitched: true, use, others)
        if use != .unused || !others.isEmpty { throw ExitCode(3) }
    }

    // MARK: What is to be done

    private func rotation(in directory: any MutableCellDirectory) async throws -> CellRotation {
        let cell = try await cell.find(in: directory)
        guard let stored = cell.transportURL, case .url(let old) = try cell.queue(base: base.urls) else {
            throw Failure("The cell \(cell.identity) has no message queue, so it has no credentials.", exit: 2)
        }
        guard ["rabbit", "kombu", "amqp", "amqps"].contains(old.scheme) else {
            throw Failure("The cell \(cell.identity) has a \(old.scheme):// queue, which has no credentials.", exit: 2)
        }
        let template = try newTemplate(stored, old)
        let changed = CellChange(transportURL: template).applied(to: cell)
        try checkURLs(of: changed, base: base.urls, exit: 2)
        guard case .url(let new) = try changed.queue(base: base.urls) else {
            throw Failure("The new URL is none:///, which has no credentials.", exit: 2)
        }
        guard new.leadsWhere(old) else {
            throw Failure(
                "The new URL leads to another broker or virtual host than the cell's. 'switchboard cell update' moves a cell.",
                exit: 2)
        }
        let replaced = oldUsername.map { [$0] } ?? old.usernames.subtracting(new.usernames)
        let isSame = new.hosts.map(\.password) == old.hosts.map(\.password) && new.usernames == old.usernames
        if isSame, oldUsername == nil {
            throw Failure(
                "The cell \(cell.identity) has these credentials already. Give --old-username to see who still uses the old user.",
                exit: 2)
        }
        if isSame, let oldUsername, new.usernames.contains(oldUsername) {
            throw Failure("The cell \(cell.identity) has the user \(oldUsername): that is not an old one.", exit: 2)
        }
        return CellRotation(
            cell: cell, template: template, old: old, new: new,
            oldUsers: replaced.isEmpty ? old.usernames : replaced, management: management.choice,
            doctor: Doctor(
                target: .init(topic: topic.map { Topic($0, exchange: exchange) }), timeout: timeout.duration),
            wait: wait.duration)
    }

    private func newTemplate(_ stored: URLTemplate, _ old: TransportURL) throws -> URLTemplate {
        if let template = try givenTemplate(transportURL) { return template }
        guard let user = username ?? (old.usernames.count == 1 ? old.usernames.first : nil) else {
            throw Failure("The cell's URL has no user, or several: give --username.", exit: 2)
        }
        do {
            return try URLCredentials(username: user, password: password()).replacing(in: stored)
        } catch let refusal as URLCredentials.Refusal {
            throw Failure(refusal.message, exit: 2)
        }
    }

    /// The first line of the password file.
    private func password() throws -> Secret {
        let path = passwordFile ?? ""
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 4097) else {
            throw Failure("The password file \(path) can't be read. Check its path and permissions.", exit: 2)
        }
        warnIfOthersCanRead(path, "holds a password")
        let line = data.prefix { $0 != 0x0A && $0 != 0x0D }
        guard line.count <= 4096, let text = String(validating: line, as: UTF8.self), !text.isEmpty else {
            throw Failure("The password file \(path) doesn't begin with a line that is a password.", exit: 2)
        }
        return Secret(text)
    }

    /// Asks a person, where there is one.
    private func isAgreed(_ rotation: CellRotation) throws -> Bool {
        guard isatty(STDIN_FILENO) == 1, transportURL != "-" else {
            complain(
                "The credentials are proved. Give --yes to change the cell; without a terminal nobody can be asked.")
            return false
        }
        try StandardOutput.flush()
        complain("Change the cell \(rotation.cell.identity) from \(rotation.old) to \(rotation.new)? [y/N]")
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }
}
