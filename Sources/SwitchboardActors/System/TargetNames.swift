import Distributed
import SwitchboardCore
import SwitchboardMessaging

/// What a remote call's target is called, by its identifier. Finding it out takes as long as a call, so it is kept: a
/// program has only so many distributed methods.
final class TargetNames: Sendable {
    struct Name: Sendable {
        /// The method's name without its labels: `reboot` of `reboot(instance:hard:)`.
        let base: String
        /// Whether it is called through a protocol, whose stub is then the first generic substitution.
        let isThroughProtocol: Bool
    }

    private let names = Locked<[String: Name]>([:])

    func name(of identifier: String) throws -> Name {
        if let name = names.withLock({ $0[identifier] }) { return name }
        guard let title = TargetTitle(of: identifier) else {
            throw RPCError(
                .invalidArguments,
                "The distributed method \(RemoteCallTarget(identifier)) has no name that can be sent. Give it a plain one."
            )
        }
        let name = Name(base: title.base, isThroughProtocol: title.isThroughProtocol)
        names.withLock { $0[identifier] = name }
        return name
    }
}
