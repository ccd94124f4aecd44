// Any bytes as JSON, as a message, as a URL, as a file of a spool, as a configuration file: none traps, none hangs, and what is read is written and
// read again as the same. Any bytes from a broker: none traps, none hangs, and everybody that waits gets an answer. Run by
// Tests/fuzz.
//
//     fuzz json|envelope|url|spool|broker|configuration LIBFUZZER-OPTION...

import CFuzzer
import Glibc

@main
enum Fuzz {
    static func main() {
        let arguments = CommandLine.arguments
        switch arguments.dropFirst().first {
        case "json": run(arguments) { checkJSON(copy($0, $1)) }
        case "envelope": run(arguments) { checkEnvelope(copy($0, $1)) }
        case "url": run(arguments) { checkURL(copy($0, $1)) }
        case "spool": run(arguments) { checkSpool(copy($0, $1)) }
        case "broker": run(arguments) { checkBroker(copy($0, $1)) }
        case "configuration": run(arguments) { checkConfiguration(copy($0, $1)) }
        default:
            print("usage: fuzz json|envelope|url|spool|broker|configuration LIBFUZZER-OPTION...")
            exit(2)
        }
    }
}

/// Gives libFuzzer all arguments but the name of the check, and ends as it does.
private func run(_ arguments: [String], _ check: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) {
    var arguments = arguments
    arguments.remove(at: 1)
    var count = CInt(arguments.count)
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
    for (index, argument) in arguments.enumerated() { pointers[index] = strdup(argument) }
    pointers[arguments.count] = nil
    var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = pointers
    exit(LLVMFuzzerRunDriver(&count, &vector, check))
}

private func copy(_ data: UnsafePointer<UInt8>?, _ size: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: data, count: size))
}
