import OsloConfiguration
import SwitchboardCells
import SwitchboardCore

/// Transport URLs that can't be used, or aren't there.
struct URLChecks {
    private(set) var findings: [ConfigurationFinding] = []

    /// - Parameter refusal: why a URL can't be used; `nil` where it can.
    init(_ rows: [ConfigurationExplanation.Row], refusal: (String) -> String?) {
        for row in rows where row.option.name.name == "transport_url" {
            guard let setting = row.setting, let text = setting.text else { continue }
            let name = row.option.name
            if setting.origin == .optionDefault {
                findings.append(
                    .init(
                        severity: .warning, option: name, place: nil,
                        message:
                            "It isn't set, so programs use \(text): guest at localhost. Set it to the broker's URL."))
            } else if !URLTemplate(text).variables.isEmpty {
                findings.append(
                    .init(
                        severity: .error, option: name, place: setting.origin,
                        message:
                            "It has {variables} in it, which only the URLs of cells may have: this is the base that they "
                            + "are filled in from. Write it out."))
            } else if let reason = refusal(text) {
                findings.append(
                    .init(severity: .error, option: name, place: setting.origin, message: reason))
            }
        }
    }
}
