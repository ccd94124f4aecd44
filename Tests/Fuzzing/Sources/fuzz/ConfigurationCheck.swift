import OsloConfiguration

/// Any bytes as a configuration file: it is read or refused, every value in it too, and no error shows what a line says.
func checkConfiguration(_ bytes: [UInt8]) -> CInt {
    let marker = "FuZzSeCrEt"
    // Of every type, so that every reader sees every text. Not a global: the leak sanitizer doesn't see what such an enum points to.
    let types: [OsloOptionType] = [
        .text, .string(choices: ["a", "b"], ignoresCase: true), .boolean, .integer(minimum: 1), .real(maximum: 4.5),
        .port,
        .texts, .list(of: .integer()), .list(of: .uri()), .uri(schemes: ["http"]),
    ]
    do throws(OsloConfigurationError) {
        let file = try OsloConfigurationFile(parsing: bytes, path: "f")
        var options: [OsloOption] = []
        for (number, assignment) in file.assignments.prefix(64).enumerated() {
            options.append(
                OsloOption(
                    group: assignment.section, name: assignment.name, type: types[number % types.count],
                    isRepeated: number % 3 == 0, isSecret: number % 2 == 0))
        }
        for policy in [OsloConfiguration.UnlistedOptions.takenFromFiles, .refused] {
            let configuration = OsloConfiguration(files: [file], options: options, unlistedOptions: policy)
            for option in options {
                do throws(OsloConfigurationError) {
                    let setting = try configuration.setting(option)
                    precondition(setting?.origin != .optionDefault)
                    let shown = setting?.shownValue ?? ""
                    // A host, or what isn't a password in a URL, is shown.
                    let isHidden = option.isSecret && setting?.text?.contains("://") == false
                    precondition(!isHidden || shown.isEmpty || shown == "***" || !shown.contains(marker))
                } catch {
                    precondition(error.line.map { (1...(bytes.count + 1)).contains($0) } ?? true)
                }
            }
        }
    } catch {
        precondition(error.line.map { (1...(bytes.count + 1)).contains($0) } ?? true)
        precondition(!error.message.contains(marker))
    }
    return 0
}
