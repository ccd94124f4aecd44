#if MariaDB
    internal import Dispatch
    internal import SwitchboardCells
    internal import SwitchboardCore

    /// A connection on which a caller may do a look-up itself, on its own thread.
    ///
    /// Waking a thread for it, and the caller afterwards, takes longer than the server. But a caller's thread may be one that
    /// all tasks share, and must not wait for a server that doesn't answer. So only one caller at a time does so, only while
    /// look-ups take less than a millisecond, and never for more than ``limit``: then the connection is cut, and a thread of
    /// the lane does the look-up again. The same happens when the connection turns out to be lost.
    final class GuestSeat: Sendable {
        private struct State {
            var connection: MariaDBConnection?
            var socket: SocketSwitch?
            var isTaken = false
            /// When the guest that is there came.
            var since: ContinuousClock.Instant?
            /// What look-ups took lately, in milliseconds.
            var typical: Double?
            /// Counts guests: now and then one has to let others have its thread.
            var turn = 0
            var isWatched = false
            /// Whether a guest came since the last look of the watch.
            var wasUsed = false
        }

        /// How long a guest may wait for the server.
        static let limit = Duration.milliseconds(20)
        /// Slower servers have no guests: the time of waking threads doesn't matter there.
        private static let quick = 1.0
        private static let turns = 32

        private let state = Locked(State())
        private let watch = DispatchQueue(label: "switchboard.mariadb.guests")

        /// Does a look-up on this thread. `nil`: a thread of the lane has to do it.
        func look<Value>(
            _ server: MariaDBServer, _ session: MariaDBConnection.Session, _ body: (MariaDBConnection) throws -> Value
        ) -> Result<Value, CellError>? {
            guard let connection = takeSeat() else { return nil }
            let start = ContinuousClock.now
            do {
                let value = try body(connection)
                leaveSeat(after: start, connection)
                return .success(value)
            } catch let error as CellError {
                leaveSeat(after: start, connection)
                return .failure(error)
            } catch let error as MariaDBError where !error.endsConnection {
                leaveSeat(after: start, connection)
                return .failure(server.error(error, session))
            } catch {
                leaveSeat(after: start, nil)
                return nil
            }
        }

        /// A thread of the lane has done a look-up. Takes its connection if there is none here and look-ups are quick; then the
        /// thread makes another one when it needs one.
        func offer(_ connection: MariaDBConnection, _ socket: SocketSwitch, took time: Duration) -> Bool {
            state.withLock { state in
                Self.note(time, &state)
                guard state.connection == nil, !state.isTaken, Self.isQuick(state) else { return false }
                state.connection = connection
                state.socket = socket
                return true
            }
        }

        private func takeSeat() -> MariaDBConnection? {
            let (connection, watches) = state.withLock { state in
                guard !state.isTaken, Self.isQuick(state), let connection = state.connection else {
                    return (MariaDBConnection?.none, false)
                }
                state.turn = (state.turn + 1) % Self.turns
                guard state.turn > 0 else { return (nil, false) }
                state.isTaken = true
                state.since = .now
                state.wasUsed = true
                let watches = !state.isWatched
                state.isWatched = true
                return (connection, watches)
            }
            if watches { scheduleWatch() }
            return connection
        }

        private func leaveSeat(after start: ContinuousClock.Instant, _ connection: MariaDBConnection?) {
            let time = start.duration(to: .now)
            // Closed outside of the lock.
            let lost = state.withLock { state in
                state.isTaken = false
                state.since = nil
                Self.note(time, &state)
                guard connection == nil else { return MariaDBConnection?.none }
                defer { (state.connection, state.socket) = (nil, nil) }
                return state.connection
            }
            _ = lost
        }

        private static func isQuick(_ state: State) -> Bool {
            state.typical.map { $0 < quick } ?? false
        }

        /// One that took a second is forgotten after some fifty quick ones.
        private static func note(_ time: Duration, _ state: inout State) {
            let milliseconds = time >= limit ? max(1000, time / .milliseconds(1)) : time / .milliseconds(1)
            state.typical = state.typical.map { $0 + (milliseconds - $0) / 8 } ?? milliseconds
        }

        private func scheduleWatch() {
            watch.asyncAfter(deadline: .now() + .milliseconds(10)) { [weak self] in self?.look() }
        }

        /// Cuts off a guest that waits for too long; goes on as long as guests come.
        private func look() {
            let (socket, goesOn) = state.withLock { state in
                let isLate = state.since.map { $0.duration(to: .now) >= Self.limit } ?? false
                let goesOn = state.isTaken || state.wasUsed
                state.wasUsed = false
                state.isWatched = goesOn
                return (isLate ? state.socket : nil, goesOn)
            }
            socket?.cut()
            if goesOn { scheduleWatch() }
        }
    }
#endif
