// Any bytes as JSON, as a message, as a URL: none traps, none hangs, and what is read is written and read again as the
// same. Run by Tests/fuzz.
//
//     fuzz json|envelope|url LIBFUZZER-OPTION...

import CFuzzer
import Glibc

@main
enum Fuzz {
    static func main() {
        let checks: [String: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt] = [
            "json": { checkJSON(bytes($0, $1)) },
            "envelope": { checkEnvelope(bytes($0, $1)) },
            "url": { checkURL(bytes($0, $1)) },
        ]
        guard CommandLine.arguments.count > 1, let check = checks[CommandLine.arguments[1]] else {
            print("usage: fuzz \(checks.keys.sorted().joined(separator: "|")) LIBFUZZER-OPTION...")
            exit(2)
        }
        var arguments = CommandLine.arguments
        arguments.remove(at: 1)
        var count = CInt(arguments.count)
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
        for (index, argument) in arguments.enumerated() { pointers[index] = strdup(argument) }
        pointers[arguments.count] = nil
        var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = pointers
        exit(LLVMFuzzerRunDriver(&count, &vector, check))
    }

    static func bytes(_ data: UnsafePointer<UInt8>?, _ size: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: data, count: size))
    }
}
