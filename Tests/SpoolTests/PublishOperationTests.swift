import SwitchboardCore
import Testing

@testable import SwitchboardSpool

@Suite("What a publish into the spool says when it is given up", .timeLimit(.minutes(5)))
struct PublishOperationTests {
    private func make() -> (PublishOperation, Locked<[TransportError.Code?]>) {
        let operation = PublishOperation(to: .topic(Topic("t")), deadline: .now)
        let codes = Locked<[TransportError.Code?]>([])
        operation.onFinish { outcome in
            switch outcome {
            case .done: codes.withLock { $0.append(nil) }
            case .full: codes.withLock { $0.append(.exhausted) }
            case .moved(let error), .failed(let error): codes.withLock { $0.append(error.code) }
            }
        }
        return (operation, codes)
    }

    @Test("Before it is begun, that nothing was written; afterwards, that something may be there")
    func order() {
        let (early, earlyCodes) = make()
        early.expire()
        #expect(!early.begin())
        #expect(earlyCodes.withLock { $0 } == [.unavailable])
        let (cancelled, cancelledCodes) = make()
        cancelled.cancel()
        #expect(!cancelled.begin())
        #expect(cancelledCodes.withLock { $0 } == [.cancelled])
        let (late, lateCodes) = make()
        #expect(late.begin())
        late.cancel()
        #expect(lateCodes.withLock { $0 } == [])
        late.expire()
        late.finish(.done)
        #expect(lateCodes.withLock { $0 } == [.indeterminate])
    }

    @Test(
        "One that is begun and given up at the same moment is never said not to have been written",
        arguments: [true, false])
    func race(byDeadline: Bool) async {
        for _ in 0..<2000 {
            let (operation, codes) = make()
            async let begins = Task.detached { operation.begin() }.value
            async let ends: Void = Task.detached { if byDeadline { operation.expire() } else { operation.cancel() } }
                .value
            let hasBegun = await begins
            await ends
            if hasBegun { operation.finish(.done) }
            let code = codes.withLock { $0.first ?? nil }
            if hasBegun { #expect(code == nil || code == .indeterminate) } else { #expect(code != nil) }
        }
    }

    @Test("One that one queue has and another has not was maybe sent")
    func parts() {
        let failure = TransportError(.exhausted, "full")
        for failures: [PublishFailure?] in [
            [nil, .failed(failure)], [.failed(failure), nil], [nil, .moved(failure)],
        ] {
            let (operation, codes) = make()
            #expect(operation.begin())
            operation.expect(2)
            for failure in failures { operation.settled(failure) }
            #expect(codes.withLock { $0 } == [.indeterminate])
        }
        let (operation, codes) = make()
        #expect(operation.begin())
        operation.expect(2)
        for _ in 0..<2 { operation.settled(.failed(failure)) }
        #expect(codes.withLock { $0 } == [.exhausted])
    }
}
