import SwitchboardTesting

/// What the command line says.
struct ConformanceArguments {
    struct Misuse: Error, CustomStringConvertible {
        let description: String
    }

    var document: String?
    /// The document whose list of laws is written anew; nothing is checked then.
    var laws: String?
    var updates = false
    var width = 4
    var wantsHelp = false
    /// Somebody's own server; nothing else is checked then.
    var url: String?
    /// Whether what the laws do there was agreed to.
    var isAgreed = false
    private var drivers: [String]?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": wantsHelp = true
            case "--laws": laws = try Self.value(of: argument, &rest)
            case "--check", "--update":
                guard document == nil else { throw Misuse(description: "One of --check and --update, once.") }
                document = try Self.value(of: argument, &rest)
                updates = argument == "--update"
            case "--url": url = try Self.value(of: argument, &rest)
            case "--yes", "-y": isAgreed = true
            case "--drivers":
                drivers = try Self.value(of: argument, &rest).split(separator: ",").map(String.init)
            case "--width":
                guard let number = Int(try Self.value(of: argument, &rest)), number >= 1 else {
                    throw Misuse(description: "--width takes a number from 1 on.")
                }
                width = number
            default: throw Misuse(description: "There is no option \(argument).")
            }
        }
        if url != nil, drivers != nil || document != nil || laws != nil {
            throw Misuse(description: "With --url there are only --width and --yes.")
        }
        if drivers != nil, document != nil {
            throw Misuse(description: "The table has every driver: leave --drivers out.")
        }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) throws -> String {
        guard let value = rest.popFirst(), !value.hasPrefix("-") else {
            throw Misuse(description: "\(option) needs a value.")
        }
        return value
    }

    /// The drivers that were asked for. Without the RabbitMQ driver there is no table of all drivers, and no silent gap.
    func choose(from subjects: [ConformanceSubject]) throws -> [ConformanceSubject] {
        guard let drivers else {
            #if !RabbitMQ
                throw Misuse(
                    description:
                        "This build has no RabbitMQ driver (the trait RabbitMQ is off), so not every driver can "
                        + "be checked. Say which with --drivers.")
            #else
                return subjects
            #endif
        }
        return try drivers.map { name in
            guard let subject = subjects.first(where: { $0.name == name }) else {
                throw Misuse(description: "There is no driver \(name) here.")
            }
            return subject
        }
    }
}
