import Dispatch
import SpoolPeer
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

@Suite("What a publish into the spool says when it is given up", .timeLimit(.minutes(5)))
struct PublishOperationTests {
    /// Keeps the only writer at its first write until ``release()``.
    private final class Stall: Sendable {
        private let begun = DispatchSemaphore(value: 0)
        private let released = DispatchSemaphore(value: 0)

        func hold() {
            begun.signal()
            _ = released.wait(timeout: .now() + 20)
        }

        /// Returns when the writer is held.
        func reached() async -> Bool {
            await withCheckedContinuation { continuation in
                startThread { continuation.resume(returning: self.begun.wait(timeout: .now() + 20) == .success) }
            }
        }

        func release() {
            released.signal()
        }
    }

    @Test(
        "Before it is begun, that nothing was written; afterwards, that something may be there",
        arguments: [true, false])
    func order(byDeadline: Bool) async throws {
        let stall = Stall()
        let faults = FaultInjection { _ in stall.hold() }
        try await withDirectory { directory in
            try await withTransport(directory, "durability=full&writers=1", operations: faults) { transport in
                try await transport.send("first", to: compute)
                faults.arm(at: 1, .shortWrite, only: "write")
                let limit = Duration.seconds(byDeadline ? 2 : 60)
                let begun = Task { await code { try await transport.send("begun", to: compute, within: limit) } }
                #expect(await stall.reached())
                let waiting = Task { await code { try await transport.send("waiting", to: compute, within: limit) } }
                if !byDeadline {
                    // Its publish is with the writers, or comes to them when it is cancelled already.
                    try await Task.sleep(for: .milliseconds(20))
                    begun.cancel()
                    waiting.cancel()
                }
                #expect(await begun.value == .indeterminate)
                #expect(await waiting.value == (byDeadline ? .unavailable : .cancelled))
                stall.release()
                try await transport.send("end", to: compute)
                faults.disarm()
                #expect(try await transport.take(3, from: compute) == ["first", "begun", "end"])
                #expect(directory.files("queues/topic~nova~compute/new").isEmpty)
            }
        }
    }

    @Test(
        "One that is begun and given up at the same moment is never said not to have been written",
        arguments: SpoolFaultTests.layouts)
    func race(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&durability=full&writers=2") { transport in
                var unwritten: Set<String> = []
                var written: Set<String> = []
                for number in 0..<300 {
                    let publish = Task {
                        await code { try await transport.send("\(number)", to: compute) }
                    }
                    for _ in 0..<(number % 50) { await Task.yield() }
                    publish.cancel()
                    switch await publish.value {
                    case nil: written.insert("\(number)")
                    case .cancelled: unwritten.insert("\(number)")
                    case .indeterminate: break
                    case let other: Issue.record("It ended with \(String(describing: other)).")
                    }
                }
                try await transport.send("end", to: compute)
                let found = try await transport.withSubscription(to: compute) { deliveries in
                    var found: Set<String> = []
                    for try await delivery in deliveries {
                        try await delivery.accept()
                        if delivery.text == "end" { break }
                        #expect(found.insert(delivery.text).inserted)
                    }
                    return found
                }
                #expect(found.isDisjoint(with: unwritten))
                #expect(found.isSuperset(of: written))
            }
        }
    }

    @Test("One that one queue has and another has not was maybe sent")
    func parts() {
        func outcome(_ failures: [PublishFailure?]) -> [TransportError.Code?] {
            let codes = Locked<[TransportError.Code?]>([])
            let operation = PublishOperation(Message(body: []), to: compute) { outcome in
                switch outcome {
                case .done, .abandoned: codes.withLock { $0.append(nil) }
                case .moved(let error), .failed(let error): codes.withLock { $0.append(error.code) }
                }
            }
            #expect(operation.begin())
            let settled = operation.settling(failures.count)
            for failure in failures { settled(failure) }
            return codes.withLock { $0 }
        }
        let failure = TransportError(.exhausted, "full")
        #expect(outcome([nil, .failed(failure)]) == [.indeterminate])
        #expect(outcome([.failed(failure), nil]) == [.indeterminate])
        #expect(outcome([nil, .moved(failure)]) == [.indeterminate])
        #expect(outcome([.failed(failure), .failed(failure)]) == [.exhausted])
        #expect(outcome([.failed(failure)]) == [.exhausted])
        #expect(outcome([nil]) == [nil])
    }
}
