public import Distributed
import SwitchboardCore
import SwitchboardMessaging

/// Takes the result of a distributed method that Swift's runtime has called.
public struct ActorResultHandler: DistributedTargetInvocationResultHandler {
    public typealias SerializationRequirement = any Codable

    private let outcome = Locked<Result<JSONValue, any Error>?>(nil)

    init() {}

    public func onReturn<Success: Codable>(value: Success) async throws {
        let result = Result { try JSONValue(encoding: value) }
        outcome.withLock { $0 = result }
    }

    public func onReturnVoid() async throws {
        outcome.withLock { $0 = .success(.null) }
    }

    public func onThrow<Err: Error>(error: Err) async throws {
        outcome.withLock { $0 = .failure(error) }
    }

    /// What the method returned or threw, or why the runtime didn't call it.
    func result() throws -> JSONValue {
        guard let result = outcome.withLock({ $0 }) else {
            throw RemoteError(className: "RuntimeError", message: "The distributed method ended without a result.")
        }
        return try result.get()
    }
}
