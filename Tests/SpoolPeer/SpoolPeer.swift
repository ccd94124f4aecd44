import Glibc
import SwitchboardCore

/// Another process at a spool, for the tests: it does one thing, says on its output what is done, and dies where it is
/// told to.
///
///     SpoolPeer VERB URL [count=N] [size=N] [as=NAME] [kill=N] [fail=N:ERRNO] [short=N] [only=CALL] …
///     SpoolPeer matrix DIRECTORY [kill] [EIO] [ENOSPC] [short] [DEED…] [each] [every=N] [unsynced]
@main
struct SpoolPeer {
    static let topic = Address.topic(Topic("work"))

    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            say("usage: SpoolPeer VERB URL-OR-DIRECTORY [option=value …]")
            exit(2)
        }
        do {
            if arguments[1] == "matrix" {
                let matrix = FaultMatrix(arguments[0], in: arguments[2], choices: Array(arguments[3...]))
                exit(try await matrix.run() ? 0 : 1)
            }
            try await Peer(arguments).run()
        } catch {
            say("error \(error)")
            exit(1)
        }
    }

    /// A line on the output at once, also when the process is killed right after.
    static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(1, bytes, bytes.count)
    }
}
