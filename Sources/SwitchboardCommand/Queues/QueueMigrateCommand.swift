import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

struct QueueMigrateCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Moves a bus to other types of queues, or to another virtual host, step by step.",
        discussion: """
            Without --to, the queues and exchanges that 'switchboard queue audit' calls otherwise than the options of the URL or of \
            --config-file would declare them have to go, for example classic queues under rabbit_quorum_queue=true. With --to, all of \
            oslo.messaging's queues move to the virtual host of another URL, which has to be there, with its permissions.

            First the plan is printed: which services to stop in which order, what has to be drained, what is deleted, what is left. \
            Then each step is asked for, or taken with --yes: the command waits until the services have stopped and the queues are \
            empty, deletes the old queues, switches a cell's mapping with --to, and waits until every server that was there serves \
            again. Stopping and starting services is up to you. Calls fail from the first step to the last.

            Nothing is deleted that has messages, consumers or bindings: the broker itself looks, as the deletion asks it to. Quorum \
            queues and streams it would delete with all that is in them, so they are left to you.

            A migration that stops goes on when the command is run again, as the plan is made of what is there.

            For example:

              switchboard queue migrate --cell one --config-file new-nova.conf --management-port 15672 --plan
              switchboard queue migrate --cell one --to rabbit://nova:PASSWORD@host/nova2 --management-port 15672

            RabbitMQ's management API is needed; it is asked with the URL's user, who needs the tag monitoring there, unless \
            SWITCHBOARD_MANAGEMENT_USER and SWITCHBOARD_MANAGEMENT_PASSWORD name another one.

            Exit codes: 0 it is done, there is nothing to do, or the plan is printed; 1 there is no such cell, or it has no queue; 2 the bus can't be looked at, \
            or doctor finds that the target can't be used: nothing was changed; 3 a step isn't done in time: run the command again; 4 \
            a step was not agreed to; 255 the directory cannot be used.
            """)

    @Option(
        help: ArgumentHelp(
            "Move to the virtual host of this URL; - to read it from standard input. With --cell the cell's mapping is given it.",
            valueName: "url"))
    var to: String?
    @Flag(help: "Print the plan, and do nothing.")
    var plan = false
    @Flag(help: "Don't ask before each step.")
    var yes = false
    @Option(parsing: .unconditional, help: .time("How long each step may take"))
    var wait: TimeSpan = 600
    @Option(parsing: .unconditional, help: .time("How long each answer may take"))
    var timeout: TimeSpan = 10
    @OptionGroup var management: ManagementOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if management.choice == .none {
            throw ValidationError("Give RabbitMQ's management API: --management-url or --management-port.")
        }
        if to == "-", aim.transportURL == "-" { throw ValidationError("Only one URL can be read from standard input.") }
        if plan, yes { throw ValidationError("--plan does nothing: leave out --yes.") }
        try wait.validate(as: "--wait", from: 0)
        try timeout.validate(as: "--timeout")
    }

    func run() async throws {
        #if RabbitMQ
            try await reportingFailures([:]) { try await migrate() }
        #else
            try await reportingFailures([:]) {
                throw Failure("This program was built without RabbitMQ, so it can't migrate queues.", exit: 2)
            }
        #endif
    }

    #if RabbitMQ
        private func migrate() async throws {
            let (mapping, old) = try await aimed()
            let template = try givenTemplate(to)
            let new: TransportURL
            do throws(TransportError) {
                new = try template.map { template throws(TransportError) in try TransportURL(template.reveal()) } ?? old
            } catch {
                throw Failure(error.message, exit: 2)
            }
            guard RabbitMQTopology.schemes.contains(old.scheme), RabbitMQTopology.schemes.contains(new.scheme) else {
                throw Failure("Only queues of RabbitMQ can be migrated: give rabbit:// URLs.", exit: 2)
            }
            if template != nil, new.leadsWhere(old) {
                throw Failure(
                    "The URL of --to leads to the same virtual host. To migrate to other types in it, leave out --to; to go on with a "
                        + "migration whose mapping is switched already, give the old URL with --transport-url.", exit: 2
                )
            }
            let migration = try await QueueMigration(
                old: old, new: new, isMove: template != nil, management: management.choice, timeout: timeout.duration)
            let isMapped = template != nil && mapping != nil
            let planned = MigrationPlan(
                migration.state, isMove: template != nil, mapping: isMapped ? mapping?.identity.description : nil)
            for line in [migration.goal] + planned.lines { try say(line) }
            if planned.isDone { return try finish(planned, "nothing to do", "There is nothing to migrate.") }
            if plan || (output.json && !yes) { return try finish(planned, "planned", nil) }
            let proof = await migration.prove()
            if let failed = proof.first(where: { $0.status == .failed }) {
                try finish(planned, "target unusable", nil)
                throw Failure(
                    "The target can't be used: \(failed.step): \(failed.detail). Nothing was changed.", exit: 2)
            }
            var run = migration.run(
                planned,
                switchMapping: {
                    guard let mapping, let template else { return }
                    let directory = try await aim.directory.open(forWriting: true)
                    _ = try await directory.updateCell(mapping.id, CellChange(transportURL: template))
                }, agree: agree, say: say)
            run.wait = wait.duration
            let outcome: MigrationRun.Outcome
            do {
                outcome = try await run.run()
            } catch {
                let reason = (error as? InspectionFailure)?.reason ?? (error as? ManagementError)?.reason
                guard let reason else { throw error }
                try finish(planned, "lost", nil, run.deletions)
                throw Failure(
                    "The bus can't be looked at any more: \(reason). Run the command again to go on.", exit: 3)
            }
            switch outcome {
            case .done: try finish(planned, "done", "The migration is done.", run.deletions)
            case .refused(let step):
                try finish(planned, "refused", nil, run.deletions)
                throw Failure("Stopped before \(step.rawValue).", exit: 4)
            case .stopped(let step, let reason):
                try finish(planned, "stopped at \(step.rawValue)", nil, run.deletions)
                throw Failure("Stopped at \(step.rawValue): \(reason). Run the command again to go on.", exit: 3)
            }
        }

        /// The cell, where one is named, and the queue's URL. Codes of messages mean something else here.
        private func aimed() async throws -> (CellMapping?, TransportURL) {
            do {
                return (try await aim.mapping(), try await aim.resolve().url)
            } catch let failure as Failure where failure.exit != 255 {
                throw Failure(failure.message, exit: 1)
            } catch let error as TransportError {
                throw Failure(error.message, exit: 2)
            }
        }

        private func finish(
            _ plan: MigrationPlan, _ outcome: String, _ sentence: String?,
            _ deletions: MigrationRun.Deletions = .init()
        ) throws {
            guard output.json else {
                if let sentence { try say(sentence) }
                return
            }
            var report = JSONObject()
            report["plan"] = plan.json
            report["outcome"] = .string(outcome)
            report["deleted"] = .array(deletions.deleted.sorted().map { .string($0) })
            report["kept"] = .array(
                deletions.kept.sorted { $0.key < $1.key }.map {
                    ["name": .string($0.key), "reason": .string($0.value)]
                })
            try StandardOutput.json(.object(report))
        }

        private func say(_ text: String) throws {
            guard !output.json else { return }
            try StandardOutput.line(ArgumentEcho.own.cleaned(Secret.masked(in: text)))
            try StandardOutput.flush()
        }

        /// Asks a person, where there is one.
        private func agree(_ step: MigrationPlan.Step) throws -> Bool {
            if yes {
                try say("\(step.kind.rawValue): \(step.text)")
                return true
            }
            guard isatty(STDIN_FILENO) == 1, to != "-", aim.transportURL != "-" else {
                complain("Without a terminal nobody can be asked: give --yes.")
                return false
            }
            complain("\(step.text) Go on with \(step.kind.rawValue)? [y/N]")
            return readLine()?.lowercased().hasPrefix("y") ?? false
        }
    #endif
}
