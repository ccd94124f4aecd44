import Foundation
import SwitchboardCore
import Testing

/// What a package of the program is made of: its version, its completions, and the description that man pages are made from.
@Suite("The program, as it is installed")
struct InstallationTests {
    @Test("--version prints the version and nothing else")
    func version() throws {
        let result = try Program().run("--version")
        #expect(result.output == SwitchboardVersion.current + "\n")
        #expect(result.errors.isEmpty)
        #expect(result.status == 0)
    }

    @Test("The version is a semantic version")
    func semanticVersion() {
        #expect(SwitchboardVersion.current.wholeMatch(of: /\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?/) != nil)
    }

    @Test("There are completions for each shell, and they know the subcommands", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) throws {
        let result = try Program().run("--generate-completion-script", shell)
        #expect(result.status == 0)
        for word in ["cell", "instance", "spool", "verify", "show-secrets"] {
            #expect(result.output.contains(word), "\(word)")
        }
    }

    @Test("The help is the same on every machine: no default is taken from the one it is made on")
    func help() throws {
        let ours = try Program().run("--experimental-dump-help")
        let theirs = try Program().run(
            "--experimental-dump-help",
            environment: [
                "HOME": "/elsewhere", "USER": "somebody", "SWITCHBOARD_DATABASE": "/elsewhere/cells.sqlite",
                "SWITCHBOARD_TRANSPORT_URL": "fake://elsewhere",
            ])
        #expect(ours.status == 0)
        #expect(ours.output == theirs.output)
        let host = ProcessInfo.processInfo.hostName
        let defaults = ours.output.matches(of: /"defaultValue" : "([^"]*)"/).map { String($0.output.1) }
        #expect(!defaults.isEmpty)
        #expect(!defaults.contains(host))
    }
}
