import Testing

@testable import SwitchboardCore

@Suite("A transport whose connections are lost again and again", .timeLimit(.minutes(2)))
struct TransportStressTests {
    /// What the peer has taken, and what callers were told.
    private struct Books: Sendable {
        var taken: [Int: Int] = [:]
        var told: [Int: [TransportError.Code?]] = [:]
    }

    @Test(
        "Each publish ends once, and none was taken that was reported as not sent",
        arguments: 1...4 as ClosedRange<UInt64>)
    func stress(seed: UInt64) async throws {
        let (tasks, each) = (4, 2_500)
        let books = Locked(Books())
        let generator = Locked(SeededGenerator(seed: seed))
        @Sendable func chance(_ one: UInt64) -> Bool { generator.withLock { $0.next() } % one == 0 }
        let driver = ScriptedDriver()
        driver.onConnect { $0.signals.send(.window(messages: 50, bytes: .max)) }
        // A peer of its own task for each connection: it takes some, loses some, and is lost now and then.
        let (work, source) = AsyncStream.makeStream(of: (ScriptedConnection, Publish).self)
        driver.onPublish { connection, publish in
            if chance(3) { serve(connection, publish) } else { source.yield((connection, publish)) }
        }
        @Sendable func serve(_ connection: ScriptedConnection, _ publish: Publish) {
            if chance(400) { connection.signals.lost("before it was sent") }
            guard publish.begin() else { return }
            let number = number(publish.message)
            if chance(600) { return connection.signals.lost("before it was taken") }
            if chance(20) {
                return publish.finish(.again(wasSent: false, otherwise: TransportError(.unavailable, "Not now.")))
            }
            books.withLock { $0.taken[number, default: 0] += 1 }
            if chance(500) { connection.signals.lost("after it was taken") }
            if chance(50) { connection.signals.send(.window(messages: Int(number % 60), bytes: .max)) }
            if chance(50) { connection.signals.send(.window(messages: 50, bytes: .max)) }
            publish.finish(.accepted)
            if chance(50) { publish.finish(.failed(TransportError(.unavailable, "A second end."))) }
        }
        let peers = Task {
            await withDiscardingTaskGroup { group in
                for _ in 0..<3 {
                    group.addTask { for await (connection, publish) in work { serve(connection, publish) } }
                }
            }
        }
        let transport = Transport(
            driver: driver, url: TransportURL(scheme: "test"), configuration: TransportConfiguration(), clock: .real,
            logger: TransportBed.logger)
        let run = Task { try await transport.run() }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    for index in 0..<each {
                        let number = task * each + index
                        let body = withUnsafeBytes(of: number) { Array($0) }
                        let end: @Sendable (TransportError?) -> Void = { error in
                            books.withLock { $0.told[number, default: []].append(error?.code) }
                            driver.changes.notify()
                        }
                        let isShort = chance(50)
                        let pending = try? transport.publish(
                            Message(body: body), to: .topic(Topic("t")),
                            deadline: .now + (isShort ? .microseconds(200) : .seconds(60)),
                            allowsDuplicates: number % 2 == 0, completion: end)
                        if chance(40) { pending?.cancel() }
                        if index % 100 == 0 { await Task.yield() }
                    }
                }
            }
        }
        // A window of nothing is opened again by the next who is served; here somebody sees to it.
        while books.withLock({ $0.told.count }) < tasks * each, !Task.isCancelled {
            driver.last?.signals.send(.window(messages: 50, bytes: .max))
            try await Task.sleep(for: .milliseconds(2))
        }
        run.cancel()
        _ = await run.result
        source.finish()
        await peers.value

        let (taken, told) = books.withLock { ($0.taken, $0.told) }
        #expect(told.count == tasks * each)
        #expect(driver.attempts > 3)
        for (number, codes) in told {
            let times = taken[number] ?? 0
            guard codes.count == 1 else {
                Issue.record("\(number) has ended \(codes.count) times: \(codes).")
                continue
            }
            switch codes[0] {
            case nil: if times == 0 { Issue.record("\(number) was accepted and not taken.") }
            case .indeterminate?: break
            case let code?: if times > 0 { Issue.record("\(number) was taken and ended as \(code).") }
            }
            if number % 2 == 1, times > 1 { Issue.record("\(number) was taken \(times) times.") }
        }
        let accepted = told.values.count { $0 == [nil] }
        #expect(accepted > tasks * each / 2)
    }

    private func number(_ message: Message) -> Int {
        message.body.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
    }
}
