import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

struct RecordCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Records what passes through a virtual host, without taking anything, for 'switchboard replay'.",
        discussion: """
            The recording is a spool: 'switchboard spool ls' and 'show' read it, and each message has a checksum. Messages are in their \
            order, with their ids, times, exchanges and routing keys. Run the command again with the same directory to go on with a \
            recording. It ends at --for, --count, Control-C or SIGTERM: what was taken until then is written first.

            Secrets are masked as in 'switchboard tap --values': by the names of what they are, in URLs, and what --redact names. A \
            secret that nothing announces as one can't be known: keep recordings as you keep logs. --keep-secrets records messages as \
            they are.

            For example:

              switchboard record --cell one --to /var/tmp/monday --for 10m
              switchboard spool ls /var/tmp/monday --queue \(Recording.queue)
              switchboard replay /var/tmp/monday --transport-url rabbit://… --allow 'get_*'

            What comes faster than it can be written is counted, never left out in silence: the command says at its end how many \
            messages are missing, and ends with 1. The recording is safe when the command ends, but not from a power failure soon after.

            \(TapHelp.seeing)

            Exit codes: 0 it ended as asked: by --for, --count, Control-C or SIGTERM, and nothing is missing; 1 messages are missing: \
            they came too fast or were too large, or the connection was lost for a while; 2 there is no such exchange; 3 there is no such \
            cell, or it has no queue; 4 with --for and --count: fewer came in that time; 5 the queue can't be tapped; 74 the recording \
            can't be written; 255 the directory of cells can't be used.
            """)

    @Option(name: .customLong("to"), help: ArgumentHelp("The recording's directory.", valueName: "directory"))
    var destination: String
    @Option(
        name: .customLong("redact"),
        help: ArgumentHelp("Mask values of this name too. Give it again for more.", valueName: "name"))
    var redacted: [String] = []
    @Flag(help: "Record messages as they are, with passwords and tokens.")
    var keepSecrets = false
    @Option(help: "End after so many messages.")
    var count: Int?
    @Option(name: .customLong("for"), parsing: .unconditional, help: .time("End after so long"))
    var time: TimeSpan?
    @OptionGroup var tap: TapOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    /// The exit code when messages are missing.
    static let incomplete: Int32 = 1

    func validate() throws {
        if destination.isEmpty { throw ValidationError("--to is a directory.") }
        if tap.allCells { throw ValidationError("A recording is of one queue; leave out --all-cells.") }
        if !tap.topicPatterns.allSatisfy(\.isLiteral) {
            throw ValidationError("--topic is a name here: a recording has no patterns.")
        }
        if keepSecrets, !redacted.isEmpty {
            throw ValidationError("--redact and --keep-secrets contradict each other.")
        }
        if let count, count < 1 { throw ValidationError("--count is at least 1.") }
        try time?.validate(as: "--for")
    }

    func run() async throws {
        #if RabbitMQ
            try await reportingMessageFailures { try await record() }
        #else
            throw ValidationError("Build this program with the trait RabbitMQ: only RabbitMQ can be tapped.")
        #endif
    }

    #if RabbitMQ
        private func record() async throws {
            let directory = Recording.path(destination)
            try Recording.check(directory)
            let (targets, remarks) = try await tap.targets()
            for remark in remarks { complain("warning: \(remark)") }
            let run = try TapRun(tap, tap.wishes, targets)
            let recorder = Recorder(
                to: directory, of: targets.first?.url, redaction: keepSecrets ? nil : TapRedaction(redacted),
                count: count)
            do {
                // What is stopped is what is inside: the recorder writes what it has.
                try await recorder.recording {
                    _ = try await untilStopped(after: time?.duration) {
                        try await run.run { event, target in
                            Self.announce(event, target.name)
                            try await recorder.take(event)
                        }
                    }
                }
            } catch is Recorder.Enough {
            } catch is CancellationError {
            } catch {
                if recorder.progress.recorded > 0 { try report(recorder.progress) }
                throw error
            }
            let progress = recorder.progress
            try report(progress)
            if !progress.isWhole { throw ExitCode(Self.incomplete) }
            if let count, progress.recorded < count, time != nil {
                throw Failure("Only \(progress.recorded) of \(count) came in that time.", exit: MessageExit.timeout)
            }
        }

        private static func announce(_ event: TapEvent, _ name: String) {
            switch event {
            case .began(let coverage):
                let replies =
                    switch coverage.replies {
                    case .firehose: "with replies"
                    case .bindings: "with those replies that pass an exchange"
                    case .none: "without replies"
                    }
                complain("recording \(name), \(replies); Control-C ends it")
                if let remark = coverage.remark { complain(remark) }
            case .lost(let reason): complain("\(name) is not recorded for now: \(reason)")
            case .message, .missed: break
            }
        }

        private func report(_ progress: RecordingProgress) throws {
            if output.json { return try StandardOutput.json(.object(progress.json)) }
            try StandardOutput.line("Recorded \(progress.recorded) messages, \(progress.bytes) bytes.")
            for line in progress.lacks { try StandardOutput.line(line) }
        }
    #endif
}
