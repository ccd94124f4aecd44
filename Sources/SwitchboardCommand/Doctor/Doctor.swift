import Foundation
import Logging
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// Looks at one queue, step by step.
struct Doctor: QueueExaminer {
    /// What is served through the queue.
    struct Target: Sendable {
        var topic: Topic?
        var server: String?
        /// How many consumers a server's own queue may have.
        var workers = 1
    }

    var target = Target()
    /// How long each step may take.
    var timeout = Duration.seconds(10)
    var thresholds = DoctorThresholds.Values()
    var management: ManagementAddress?
    /// In seconds since 1970.
    var now: @Sendable () -> Double = { Date.now.timeIntervalSince1970 }

    /// All steps from the URL on. `findings` are those of the steps before.
    func look(at url: TransportURL, _ findings: DoctorFindings = DoctorFindings()) async -> [CheckResult] {
        var findings = findings
        do {
            // Checks the scheme, the options and the files that they name, and doesn't connect.
            _ = try DriverRegistry.all.makeDriver(for: url, logger: Self.silent)
        } catch {
            findings.add(.failed("url", error.message, Self.advice(on: error)))
            return skippingAll(findings)
        }
        findings.add(.ok("url", "\(url)"))
        #if RabbitMQ
            if RabbitMQTopology.schemes.contains(url.scheme) {
                await RabbitMQDoctor(doctor: self, url: url).look(&findings)
                return findings.results
            }
        #endif
        if url.scheme == "spool" { lookAtFolder(of: url, &findings) }
        let serving = ServingChecks(doctor: self, url: url)
        if let obstacle = findings.obstacle {
            findings.skip([.roundTrip, .ping], because: "\(obstacle) failed")
        } else {
            await serving.roundTripAndPing(&findings)
        }
        return findings.results
    }

    /// The findings, when nothing more can be looked at.
    func skippingAll(_ findings: DoctorFindings) -> [CheckResult] {
        var findings = findings
        let done = findings.results.last.flatMap { DoctorStep(rawValue: $0.step) }
        let rest = DoctorStep.allCases.drop { step in done != nil && step != done }.dropFirst(done == nil ? 0 : 1)
        findings.skip(Array(rest), because: "\(findings.obstacle ?? "the mapping") failed")
        return findings.results
    }

    static let silent = Logger(label: "switchboard", factory: { _ in SwiftLogNoOpLogHandler() })

    private static func advice(on error: TransportError) -> CheckResult.Diagnosis {
        if error.code == .unknownScheme {
            return .init(
                "No driver of this program speaks that scheme, and nothing can connect with the URL.",
                do: "Write one of \(DriverRegistry.all.schemes.map { "\($0)://" }.joined(separator: ", ")).")
        }
        return .init(
            "Programs that are given this URL refuse it, so none can connect.",
            do: "Mend the option or the file that the line names.")
    }

    private func lookAtFolder(of url: TransportURL, _ findings: inout DoctorFindings) {
        guard let folder = try? SpoolConfiguration(url).directory else { return }
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
        if !isThere {
            findings.add(
                .failed(
                    "folder", "\(folder) is not there",
                    .init(
                        "No program has used this spool, or the path is wrong.",
                        do: "Compare the path with the other programs' URLs; the first that connects makes the folder.")
                ))
        } else if !isFolder.boolValue || access(folder, R_OK | W_OK | X_OK) != 0 {
            findings.add(
                .failed(
                    "folder", "\(folder) is not a folder that this user may write to",
                    .init(
                        "Messages are files in this folder, so this user can neither send nor receive any.",
                        do: "Run as the user that the services run as, or give this user the right to write there.")))
        } else {
            findings.add(.ok("folder", folder))
        }
    }
}
