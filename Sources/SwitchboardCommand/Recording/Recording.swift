import Foundation
import SwitchboardCore
import SwitchboardSpool

/// A spool that holds what passed over a bus, in its order, in one queue. What was where is in headers of each message.
enum Recording {
    static let topic = Topic("messages", exchange: "recording")
    /// The queue's name, as `switchboard spool ls` shows it.
    static let queue = "topic~recording~messages"

    /// The absolute path of a directory that somebody typed.
    static func path(_ directory: String) -> String {
        directory.hasPrefix("/") ? directory : FileManager.default.currentDirectoryPath + "/" + directory
    }

    /// How it is written: in segments, which the kernel has when a message counts as recorded.
    static func configuration(_ directory: String) -> SpoolConfiguration {
        var configuration = SpoolConfiguration(directory: directory)
        configuration.layout = .segment
        configuration.durability = .none
        configuration.maximumMessages = 1 << 40
        configuration.maximumBytes = 1 << 50
        return configuration
    }

    /// Fails when a directory is a spool that isn't a recording.
    static func check(_ directory: String) throws(Failure) {
        let other: SpoolInspector.QueueSummary?
        do throws(TransportError) {
            let inspector: SpoolInspector
            do throws(TransportError) {
                inspector = try SpoolInspector(SpoolConfiguration(directory: directory), logger: Doctor.silent)
            } catch {
                // There is none, and it is made; or it can't be used, and opening it says why.
                return
            }
            defer { inspector.close() }
            other = try inspector.queues().first { $0.name != queue }
        } catch {
            throw Failure("The directory \(directory) can't be recorded to: \(error.sentence)", exit: unusable)
        }
        if let other {
            throw Failure(
                "\(directory) is a spool in use (it has the queue \(other.name)), not a recording. Choose another directory.",
                exit: unusable)
        }
    }

    /// The exit code when a recording can't be written or read.
    static let unusable: Int32 = 74
}
