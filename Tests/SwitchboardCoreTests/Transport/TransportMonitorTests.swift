import Testing

@testable import SwitchboardCore

@Suite("The transport monitor", .timeLimit(.minutes(5)))
struct TransportMonitorTests {
    @Test("A watcher gets the state now, then every change, and ends after closed")
    func watch() async {
        let monitor = TransportMonitor()
        monitor.report { .connecting(attempt: 1, reason: nil) }
        let states = monitor.states()
        monitor.report { .connecting(attempt: 1, reason: nil) }
        monitor.report { .ready }
        monitor.report { .blocked(reason: "memory") }
        monitor.report { .closed(reason: nil) }
        var seen: [TransportState] = []
        for await state in states { seen.append(state) }
        #expect(
            seen == [.connecting(attempt: 1, reason: nil), .ready, .blocked(reason: "memory"), .closed(reason: nil)])
        #expect(monitor.state == .closed(reason: nil))
    }

    @Test("Who comes after the end gets the last state and the end")
    func late() async {
        let monitor = TransportMonitor()
        monitor.report { .closed(reason: "refused") }
        var seen: [TransportState] = []
        for await state in monitor.states() { seen.append(state) }
        #expect(seen == [.closed(reason: "refused")])
    }

    @Test("A slow watcher keeps the newest 64 states, and others are not held up")
    func slow() async {
        let monitor = TransportMonitor()
        let states = monitor.states()
        for attempt in 1...200 { monitor.report { .connecting(attempt: attempt, reason: nil) } }
        monitor.report { .closed(reason: nil) }
        var seen: [TransportState] = []
        for await state in states { seen.append(state) }
        #expect(seen.count == 64)
        #expect(seen.last == .closed(reason: nil))
        #expect(seen.first == .connecting(attempt: 138, reason: nil))
    }

    @Test("Whatever tasks report at once, the last state that a watcher sees is the state")
    func order() async {
        for _ in 0..<200 {
            let monitor = TransportMonitor()
            let states = monitor.states()
            await withTaskGroup(of: Void.self) { group in
                for reporter in 0..<4 {
                    group.addTask { monitor.report { .connecting(attempt: reporter, reason: nil) } }
                }
            }
            let state = monitor.state
            monitor.report { .closed(reason: nil) }
            var seen: [TransportState] = []
            for await state in states { seen.append(state) }
            #expect(seen.dropLast().last == state)
        }
    }

    @Test("Many tasks report and watch at once, and every watcher sees the end")
    func concurrent() async {
        let monitor = TransportMonitor()
        await withTaskGroup(of: TransportState?.self) { group in
            for _ in 0..<20 {
                let states = monitor.states()
                group.addTask {
                    var last: TransportState?
                    for await state in states { last = state }
                    return last
                }
            }
            await withTaskGroup(of: Void.self) { reporters in
                for reporter in 0..<8 {
                    reporters.addTask {
                        for attempt in 0..<100 {
                            monitor.report { .connecting(attempt: attempt, reason: "\(reporter)") }
                        }
                    }
                }
            }
            monitor.report { .closed(reason: nil) }
            for await last in group { #expect(last == .closed(reason: nil)) }
        }
    }

    @Test("Watchers that are cancelled while the state changes hold nobody up")
    func cancelledWatchers() async {
        let monitor = TransportMonitor()
        await withTaskGroup(of: Void.self) { group in
            let reporter = Task {
                var attempt = 0
                while !Task.isCancelled {
                    attempt += 1
                    monitor.report { .connecting(attempt: attempt, reason: nil) }
                    await Task.yield()
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<2000 {
                        let watcher = Task {
                            for await _ in monitor.states() {}
                        }
                        await Task.yield()
                        watcher.cancel()
                        await watcher.value
                    }
                }
            }
            await group.waitForAll()
            reporter.cancel()
        }
    }

    @Test("A state says in words what it is")
    func words() {
        #expect("\(TransportState.idle)" == "not running yet")
        #expect("\(TransportState.connecting(attempt: 2, reason: "refused"))".contains("last reason: refused"))
        #expect("\(TransportState.blocked(reason: "memory"))".contains("memory"))
    }

    @Test("Events tell the first connection from later ones, and a loss only with its reason")
    func events() async {
        let monitor = TransportMonitor()
        let events = TransportEvents(monitor.states())
        let states: [TransportState] = [
            .connecting(attempt: 1, reason: nil), .connecting(attempt: 2, reason: "refused"), .ready,
            .blocked(reason: "memory"), .ready, .connecting(attempt: 1, reason: "cut"), .ready,
            .blocked(reason: "disk"), .connecting(attempt: 1, reason: "gone"), .ready, .closed(reason: nil),
        ]
        for state in states { monitor.report { state } }
        var seen: [TransportEvent] = []
        for await event in events { seen.append(event) }
        #expect(
            seen == [
                .disconnected(reason: "refused"), .connected, .blocked(reason: "memory"), .unblocked,
                .disconnected(reason: "cut"), .recovered, .blocked(reason: "disk"), .disconnected(reason: "gone"),
                .recovered, .closed(reason: nil),
            ])
    }
}
