import ArgumentParser
import SwitchboardCells
import SwitchboardMessaging

/// How results are shown.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON instead of text.")
    var json = false
}

/// Whether passwords are shown.
struct SecretOptions: ParsableArguments {
    @Flag(name: .long, help: "Show passwords instead of ***.")
    var showSecrets = false

    func text(_ template: URLTemplate?) -> String? {
        template.map { showSecrets ? $0.reveal() : $0.description }
    }
}
