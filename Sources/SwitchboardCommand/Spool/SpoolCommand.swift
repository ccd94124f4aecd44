import ArgumentParser
import Foundation
import Logging
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

struct SpoolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spool",
        abstract: "Looks into file spools, repairs them, and forwards what is in them.",
        subcommands: [
            SpoolList.self, SpoolShow.self, SpoolRetry.self, SpoolDrop.self, SpoolCheck.self, SpoolForward.self,
        ])
}

/// Which spool.
struct SpoolOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The spool: its directory or its spool:///directory URL.", valueName: "spool"))
    var spool: String

    func configuration() throws(TransportError) -> SpoolConfiguration {
        if spool.contains("://") { return try SpoolConfiguration(TransportURL(spool)) }
        return SpoolConfiguration(directory: absolutePath(spool))
    }

    /// Runs `body` with the spool; errors become sentences and exit codes.
    func inspecting(_ body: (SpoolInspector) throws -> Void) async throws {
        try await reportingTransportFailures {
            let inspector = try SpoolInspector(configuration(), logger: warnings)
            defer { inspector.close() }
            try body(inspector)
        }
    }
}

/// Warnings of the driver go to standard error.
var warnings: Logger {
    var logger = Logger(label: "switchboard.spool") { CommandLogHandler(label: $0) }
    logger.logLevel = .error
    return logger
}

func reportingTransportFailures(_ body: () async throws -> Void) async throws {
    try await reportingFailures([:]) {
        do {
            try await body()
        } catch let error as TransportError {
            let isUnusable = [.refused, .conflict, .invalidURL, .invalidOption, .unknownScheme].contains(error.code)
            throw Failure(error.sentence, exit: isUnusable ? 255 : 1)
        }
    }
}

extension TransportError {
    /// The message, and the cause where the message does not have it.
    var sentence: String {
        guard let cause, !message.contains("\(cause)") else { return message }
        return "\(message) (\(cause))"
    }
}

extension SpoolInspector.StoredMessage {
    /// The method of a request, the event type of a notification; `nil` of anything else.
    var method: String? {
        switch message.map(PassingMessage.init) {
        case .request(let request)?: request.method
        case .notification(let notification)?: notification.eventType
        case .reply?, .other?, nil: nil
        }
    }

    var report: JSONObject {
        var report = JSONObject()
        report["name"] = .string(name)
        report["queue"] = .string(queue)
        report["attempts"] = JSONValue(attempts)
        report["reason"] = JSONValue(reason)
        report["method"] = JSONValue(method)
        if let message {
            report["content_type"] = .string(message.contentType)
            report["content_encoding"] = .string(message.contentEncoding)
            report["bytes"] = JSONValue(message.body.count)
            // What is no UTF-8 is told by its length alone.
            report["body"] = JSONValue(String(validating: message.body, as: UTF8.self))
        }
        return report
    }
}

/// A path as it is meant from where the program was started.
private func absolutePath(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
}
