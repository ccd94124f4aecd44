import ArgumentParser
import Foundation
import SwitchboardCore
import SwitchboardMessaging

/// What is sent where: the parts of a request that `call` and `cast` share.
struct RequestOptions: ParsableArguments {
    @Argument(help: "The method's name.")
    var method: String
    @Argument(
        help: ArgumentHelp(
            "The method's arguments: NAME=VALUE for a text, NAME:=JSON for any other value.", valueName: "argument"))
    var arguments: [String] = []
    @Option(help: "The topic that the servers serve.")
    var topic: String
    @Option(help: "The exchange of the topic.")
    var exchange = Topic.defaultExchange
    @Option(help: "The one server that shall take it; default: any of the topic.")
    var server: String?
    @Option(help: "The namespace of the method.")
    var namespace: String?
    @Option(name: .customLong("interface-version"), help: "The version of the interface, for example 1.2.")
    var version: String?
    @Option(help: "The user on whose behalf it is sent.")
    var user: String?
    @Option(help: "The project on whose behalf it is sent.")
    var project: String?
    @Option(
        help: ArgumentHelp(
            "The id that the request has in logs of all services it passes. Default: a new one.", valueName: "id"))
    var requestID: String?
    @Flag(help: "Send no context, for programs that are not Nova's.")
    var plainContext = false
    @Option(
        name: .customLong("timeout"), parsing: .unconditional,
        help: .time("Until it is given up", "Default: the profile's, or 60."))
    var givenTimeout: TimeSpan?

    func validate() throws {
        try givenTimeout?.validate(as: "--timeout")
        if let version, RPCVersion(version) == nil {
            throw ValidationError("--interface-version is major.minor, for example 1.2, not \(version).")
        }
        if plainContext, user != nil || project != nil || requestID != nil {
            throw ValidationError(
                "--plain-context sends no context for --user, --project and --request-id to be in: leave one out.")
        }
        if let requestID, requestID.isEmpty || requestID.utf8.count > 255 || requestID.firstOddScalar != nil {
            throw ValidationError("--request-id is a text of 1 to 255 bytes without control characters.")
        }
        _ = try object()
    }

    var timeout: Duration { givenTimeout?.duration ?? CommandSettings.current.timeout ?? .seconds(60) }

    var context: RequestContext {
        if plainContext { return .plain() }
        return RequestContext(userID: user, projectID: project, requestID: requestID)
    }

    var rpcVersion: RPCVersion? { version.flatMap { RPCVersion($0) } }

    func client(_ connection: MessageQueueConnection) -> RPCClient {
        RPCClient(
            connection, target: RPCTarget(topic: topic, exchange: exchange, server: server),
            timeout: timeout)
    }

    /// The arguments as one object.
    func object() throws -> JSONObject {
        var object = JSONObject()
        for argument in arguments {
            guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else {
                throw ValidationError("\(argument): arguments are NAME=VALUE, or NAME:=JSON.")
            }
            let text = String(argument[argument.index(after: sign)...])
            let isJSON = argument[argument.index(before: sign)] == ":"
            let name = String(argument[..<(isJSON ? argument.index(before: sign) : sign)])
            if name.isEmpty { throw ValidationError("\(argument): the argument has no name.") }
            if object[name] != nil { throw ValidationError("The argument \(name) is given twice.") }
            object[name] = isJSON ? try parseJSON(Array(text.utf8), what: "the argument \(name)") : .string(text)
        }
        return object
    }
}

/// Reads JSON that was given as an option.
func parseJSON(_ text: [UInt8], what: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        throw ValidationError("The JSON of \(what) cannot be read: \(error)")
    }
}
