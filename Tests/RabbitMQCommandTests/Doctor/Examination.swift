#if RabbitMQ && TLS
import Foundation
import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

let quietLogger = Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() })

/// What a doctor is given, and what it finds.
enum Examination {
    /// Options that brokers of every version take, strict ones too.
    static let options: [TransportURL.Option] = [
        .init("amqp_durable_queues", "true"), .init("rabbit_transient_queues_durable", "true"),
    ]

    static let topic = Topic("compute", exchange: "nova")

    /// Looks, and holds what is said against what must never be.
    static func of(
        _ url: TransportURL, topic: Topic? = nil, server: String? = nil,
        _ change: (inout Doctor) -> Void = { _ in }
    ) async -> [CheckResult] {
        var doctor = Doctor(target: .init(topic: topic, server: server), timeout: .seconds(5))
        change(&doctor)
        let begin = ContinuousClock.now
        let results = await doctor.look(at: url)
        #expect(begin.duration(to: .now) < .seconds(60))
        let output = CheckOutputOptions.allTexts(of: CheckReport("doctor", subjects: [.init("it", results: results)]))
        for password in url.hosts.compactMap(\.password) where password.reveal().utf8.count > 5 {
            let isShown = output.contains(password.reveal())
            #expect(!isShown)
        }
        for result in results {
            let needsOne = result.status == .failed || result.status == .warning
            #expect((result.diagnosis != nil) == needsOne, "\(result)")
        }
        return results
    }
}

extension CheckOutputOptions {
    /// The report in every format.
    static func allTexts(of report: CheckReport) -> String {
        CheckOutputOptions.Format.allCases.map { format in
            var options = CheckOutputOptions()
            options.json = false
            options.outfile = nil
            options.output = format
            return options.text(of: report, at: 0)
        }.joined()
    }
}

extension [CheckResult] {
    /// The first line that isn't well.
    var first: CheckResult? { first { $0.status == .failed || $0.status == .warning } }

    func step(_ name: String) -> CheckResult? { first { $0.step == name } }

    /// The first line that isn't well is this step, and says this much.
    func expectFirst(
        _ step: String, _ words: String..., status: CheckStatus = .failed,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let all = map { "\($0.status.mark) \($0.step) \($0.object ?? ""): \($0.detail)" }.joined(separator: "\n")
        #expect(first?.step == step, "\(all)", sourceLocation: sourceLocation)
        #expect(first?.status == status, "\(all)", sourceLocation: sourceLocation)
        let text = "\(first?.detail ?? "") \(first?.diagnosis?.meaning ?? "") \(first?.diagnosis?.advice ?? "")"
        for word in words { #expect(text.contains(word), "\(text)", sourceLocation: sourceLocation) }
        // One cause, and what can't work because of it is skipped.
        if status == .failed, ["url", "resolve", "tcp", "tls", "login", "virtual-host"].contains(step) {
            let later = drop { $0.step != step }.dropFirst()
            let isSkipped = later.allSatisfy { $0.status == .skipped }
            #expect(isSkipped, "\(all)", sourceLocation: sourceLocation)
        }
    }

    func expectWell(sourceLocation: SourceLocation = #_sourceLocation) {
        let bad = filter { $0.status == .failed || $0.status == .warning }
        #expect(bad.isEmpty, sourceLocation: sourceLocation)
    }
}
#endif
