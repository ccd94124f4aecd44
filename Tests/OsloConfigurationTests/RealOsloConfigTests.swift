import Foundation
import OsloConfiguration
import Testing

/// Generated files, read by this library and by oslo.config itself.
@Suite struct RealOsloConfigTests {
    @Test(.timeLimit(.minutes(5)))
    func `A thousand sets of generated files give what oslo.config makes of them, and the same errors`() throws {
        let folder = try Folder()
        let cases = try (1...1000).map { seed in
            let made = GeneratedCase(seed: UInt64(seed), folder: folder.path)
            try made.write()
            return made
        }
        let answers = try Self.peer(cases, in: folder)
        try #require(answers.count == cases.count)
        var values = 0
        var errors = 0
        var refusals = 0
        for (seed, (made, answer)) in zip(cases, answers).enumerated() {
            let ours = Self.answer(made)
            let place = "seed \(seed + 1), \(made.arguments)"
            #expect(ours.refusal == answer.refusal, "\(place)")
            guard ours.refusal == answer.refusal, answer.error == nil else {
                refusals += 1
                continue
            }
            try #require(ours.values.count == answer.values.count, "\(place)")
            for (option, (our, its)) in zip(made.options, zip(ours.values, answer.values)) where our != its {
                let texts = made.files.map { String(decoding: $0.bytes, as: UTF8.self) }
                Issue.record("\(place): \(option.name) is \(our) here, and \(its) there; \(texts)")
            }
            values += answer.values.count { $0.error == nil }
            errors += answer.values.count { $0.error != nil }
        }
        // That the generator makes enough of each.
        #expect(
            values > 10_000 && errors > 1000 && refusals > 50,
            "\(values) values, \(errors) errors, \(refusals) refusals")
    }

    /// What a reader says of a case.
    struct Answer: Decodable {
        /// Of files that can't be read.
        var error: String?
        var file: String?
        var line: Int?
        var values: [Value] = []

        var refusal: [String?] { [error, file, line.map { "\($0)" }] }

        struct Value: Equatable, Decodable, CustomStringConvertible {
            var value: JSON?
            var error: String?

            var description: String { error ?? value.map { "\($0)" } ?? "nothing" }

            init(value: JSON? = nil, error: String? = nil) {
                self.value = value
                self.error = error
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                error = try container.decodeIfPresent(String.self, forKey: .error)
                value = error == nil ? try container.decode(JSON.self, forKey: .value) : nil
            }

            private enum CodingKeys: CodingKey { case value, error }
        }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            error = try container.decodeIfPresent(String.self, forKey: .error)
            file = try container.decodeIfPresent(String.self, forKey: .file)
            // oslo.config tells this mistake by the line behind it.
            line = error == "noSection" ? nil : try container.decodeIfPresent(Int.self, forKey: .line)
            values = try container.decodeIfPresent([Value].self, forKey: .values) ?? []
        }

        private enum CodingKeys: CodingKey { case error, file, line, values }
    }

    /// The values that Python's answers have.
    enum JSON: Equatable, Decodable, CustomStringConvertible {
        case null, boolean(Bool), integer(Int), text([UInt8]), real(String), list([JSON])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let boolean = try? container.decode(Bool.self) {
                self = .boolean(boolean)
            } else if let integer = try? container.decode(Int.self) {
                self = .integer(integer)
            } else if let text = try? container.decode(String.self) {
                self = .text(Array(text.utf8))
            } else if let list = try? container.decode([JSON].self) {
                self = .list(list)
            } else {
                self = .real(try container.decode([String: String].self)["real"] ?? "")
            }
        }

        var description: String {
            switch self {
            case .null: "null"
            case .boolean(let isTrue): "\(isTrue)"
            case .integer(let number): "\(number)"
            case .text(let bytes): String(decoding: bytes, as: UTF8.self).debugDescription
            case .real(let text): text
            case .list(let items): "\(items)"
            }
        }

        init(_ value: OsloValue?) {
            self =
                switch value {
                case .text(let text): .text(Array(text.utf8))
                case .boolean(let isTrue): .boolean(isTrue)
                case .integer(let number): .integer(number)
                case .real: .real(value?.pythonText ?? "")
                case .list(let items): .list(items.map { JSON($0) })
                case .empty, nil: .null
                }
        }
    }

    private static func answer(_ made: GeneratedCase) -> Answer {
        var answer = Answer()
        do throws(OsloConfigurationError) {
            var files: [OsloConfigurationFile] = []
            for source in made.sources { files += try source.read(home: nil) }
            let configuration = OsloConfiguration(files: files, options: made.options, unlistedOptions: .refused)
            for option in made.options {
                do throws(OsloConfigurationError) {
                    answer.values.append(.init(value: JSON(try configuration.setting(option)?.value)))
                } catch {
                    answer.values.append(.init(error: "\(error.code)"))
                }
            }
        } catch {
            answer.error = "\(error.code)"
            answer.file = error.file.map { ($0 as NSString).lastPathComponent }
            answer.line = error.code == .noSection ? nil : error.line
        }
        return answer
    }

    private static func peer(_ cases: [GeneratedCase], in folder: Folder) throws -> [Answer] {
        let input = folder.path + "/cases.json"
        let documents = cases.map { made in
            ["arguments": made.arguments, "files": made.readFiles, "options": made.options.map(document)]
                as [String: Any]
        }
        try JSONSerialization.data(withJSONObject: documents).write(to: URL(fileURLWithPath: input))
        let output = try Peer.run("oslo_config_files.py", input: input, in: folder)
        return try JSONDecoder().decode([Answer].self, from: output)
    }

    private static func document(_ option: OsloOption) -> [String: Any] {
        var document: [String: Any] = [
            "group": option.name.group, "name": option.name.name, "type": document(option.type),
            "isRepeated": option.isRepeated, "deprecatedNames": option.deprecatedNames.map { [$0.group, $0.name] },
        ]
        if let defaults = option.defaults { document["defaults"] = defaults }
        return document
    }

    private static func document(_ type: OsloOptionType) -> [String: Any] {
        var document: [String: Any] = [:]
        switch type {
        case .string(let choices, let ignoresCase, let maximum):
            document = ["kind": "string", "choices": choices, "ignoresCase": ignoresCase]
            document["maximumLength"] = maximum
        case .boolean: document["kind"] = "boolean"
        case .integer(let minimum, let maximum):
            document["kind"] = "integer"
            document["minimum"] = minimum
            document["maximum"] = maximum
        case .real(let minimum, let maximum):
            document["kind"] = "real"
            document["minimum"] = minimum
            document["maximum"] = maximum
        case .list(let item): document = ["kind": "list", "item": self.document(item)]
        case .uri(let schemes, let maximum):
            document = ["kind": "uri", "schemes": schemes]
            document["maximumLength"] = maximum
        }
        return document
    }
}
