import Foundation
import Testing

@testable import SwitchboardMessaging

@Suite("Scratch memory")
struct ScratchMemoryTests {
    /// On a thread of its own, so that nothing else has memory there.
    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: body()) }.start()
        }
    }

    private static func address(of memory: borrowing ScratchMemory) -> Int { Int(bitPattern: memory.bytes) }

    @Test("A thread uses its memory again, and has more than one where two are in use")
    func reuse() async {
        let isRight = await onThread {
            var first = 0
            do {
                let memory = ScratchMemory()
                first = Self.address(of: memory)
            }
            let memory = ScratchMemory()
            let other = ScratchMemory()
            return Self.address(of: memory) == first && Self.address(of: other) != first
        }
        #expect(isRight)
    }

    @Test("What grew is kept as it is, but not above its limit")
    func growth() async {
        func capacity(after needed: Int) async -> Int {
            await onThread {
                do {
                    var memory = ScratchMemory()
                    memory.grow(toHold: needed)
                }
                return ScratchMemory().capacity
            }
        }
        let first = await onThread { ScratchMemory().capacity }
        #expect(await capacity(after: 10_000) == 10_000)
        #expect(await capacity(after: 65_536) == 65_536)
        #expect(await capacity(after: 65_537) == first)
    }

    @Test("Writers that are in use at once, on many threads, write what each is given")
    func writers() async {
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    (0..<50).allSatisfy { round in
                        let text = String(repeating: "\(number).\(round) ", count: (number * 37 + round * 211) % 3000)
                        var outer = JSONWriter(in: ScratchMemory(capacity: round))
                        var inner = JSONWriter()
                        outer.write(text)
                        inner.write(text)
                        outer.write(text)
                        return inner.bytes == Array("\"\(text)\"".utf8) && outer.bytes == inner.bytes + inner.bytes
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
