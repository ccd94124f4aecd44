#if RabbitMQ
import SwitchboardCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What tells one fanout queue from another: 32 hexadecimal digits, or, with stable names, host, program and a counter
/// (oslo-wire.md §2.3).
final class FanoutNames: Sendable {
    private let options: RabbitMQTopology
    private let counter = Atomic<Int>(0)

    init(_ options: RabbitMQTopology) {
        self.options = options
    }

    func next(for address: Address) -> String {
        guard case .fanout = address else { return "" }
        guard options.stableNames else { return Self.random() }
        let host = options.hostName.isEmpty ? Self.machineName : options.hostName
        let program = options.processName.isEmpty ? ConnectionSettings.programName : options.processName
        return "\(host):\(program):\(counter.add(1, ordering: .relaxed).newValue)"
    }

    private static let machineName: String = {
        var name = [CChar](repeating: 0, count: 256)
        let result = gethostname(&name, name.count - 1)
        guard result == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()

    private static func random() -> String {
        var digits = ""
        for _ in 0..<4 {
            let part = String(UInt32.random(in: 0...UInt32.max), radix: 16)
            digits += String(repeating: "0", count: 8 - part.count) + part
        }
        return digits
    }
}
#endif
