#if MariaDB
    internal import CMariaDB
    internal import Dispatch
    internal import SwitchboardCells
    internal import SwitchboardCore

    /// What one thread does: it has one connection, made when first needed and after each loss.
    final class Worker {
        private let server: MariaDBServer
        private let session: MariaDBConnection.Session
        private let guests: GuestSeat?
        private var socket = SocketSwitch()
        private var connection: MariaDBConnection?

        /// - Parameter guests: where callers use connections themselves.
        init(_ server: MariaDBServer, _ session: MariaDBConnection.Session, guests: GuestSeat?) {
            self.server = server
            self.session = session
            self.guests = guests
        }

        deinit {
            connection = nil
            mysql_thread_end()
        }

        /// Reads. What a lost connection kept from being read is read once more on a new one.
        func read<Value>(_ call: Call<Value>) {
            guard call.began(on: socket) else { return }
            var isRetry = false
            while true {
                do throws(MariaDBError) {
                    let connection = try connect(for: call)
                    let start = ContinuousClock.now
                    let result = try result { try read(call, on: connection) }
                    // Before the caller goes on, which may be back with the next one at once.
                    offer(connection, since: start)
                    call.finish(result)
                    return
                } catch {
                    if error.endsConnection { connection = nil }
                    let isAgain = error.endsConnection && !isRetry && !call.isOver && call.deadline > .now
                    guard isAgain else { return call.fail(server.error(error, session)) }
                    isRetry = true
                }
            }
        }

        private func offer(_ connection: MariaDBConnection, since start: ContinuousClock.Instant) {
            guard let guests, guests.offer(connection, socket, took: start.duration(to: .now)) else { return }
            self.connection = nil
            socket = SocketSwitch()
        }

        private func read<Value>(_ call: Call<Value>, on connection: MariaDBConnection) throws -> Value {
            try server.prepareOnce(connection)
            guard session.purpose == .scans else { return try call.body(connection) }
            try connection.command("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            do {
                let value = try call.body(connection)
                try connection.command("COMMIT")
                return value
            } catch let error as CellError {
                try connection.command("COMMIT")
                throw error
            } catch {
                // What it was matters more than that nothing can be rolled back either.
                do { try connection.command("ROLLBACK") } catch { self.connection = nil }
                throw error
            }
        }

        /// Reads and writes in one transaction, which is run again where the server gave way to another one.
        func write<Value>(_ call: Call<Value>) {
            guard call.began(on: socket) else { return }
            var attempt = 0
            while true {
                do throws(MariaDBError) {
                    attempt += 1
                    let connection = try connect(for: call)
                    call.finish(try result { try write(call, on: connection) })
                    return
                } catch {
                    guard isRepeated(error, attempt, call) else { return call.fail(server.error(error, session)) }
                }
            }
        }

        private func write<Value>(_ call: Call<Value>, on connection: MariaDBConnection) throws -> Value {
            try server.prepareOnce(connection)
            try connection.command("START TRANSACTION")
            let value: Value
            do {
                value = try call.body(connection)
                // Somebody who was told that nothing happened must be right.
                guard call.mayCommit() else { throw CellError(.cancelled, "Nobody waits for the change any more.") }
            } catch {
                do { try connection.command("ROLLBACK") } catch { self.connection = nil }
                throw error
            }
            do {
                try connection.command("COMMIT")
                return value
            } catch {
                guard error.leavesCommitUndone else {
                    self.connection = nil
                    throw server.unknownFate(error)
                }
                do { try connection.command("ROLLBACK") } catch { self.connection = nil }
                throw error
            }
        }

        /// Whether a transaction that failed, and of which nothing took effect, is run again; waits for a moment before.
        private func isRepeated<Value>(_ error: MariaDBError, _ attempt: Int, _ call: Call<Value>) -> Bool {
            if error.endsConnection { connection = nil }
            let isLost = error.isClients || [1053, 1927, 4031, 1243, 1615].contains(error.number)
            let limit = isLost ? 3 : error.repeatsTransaction ? 30 : 1
            guard attempt < limit, call.repeats(), call.deadline > .now else { return false }
            // The second time nearly at once, later ones further apart, and never two writers in step.
            let longest = Double(min(200, 2 << min(attempt, 7)))
            sleep(.milliseconds(Double.random(in: 0...longest)))
            return true
        }

        // MARK: - Connecting

        private func connect<Value>(for call: Call<Value>) throws(MariaDBError) -> MariaDBConnection {
            if let connection { return connection }
            while true {
                switch server.outage.withLock({ $0.advice(now: .now) }) {
                case .connect:
                    do throws(MariaDBError) {
                        let made = try MariaDBConnection(server.address, session, socket: socket)
                        server.connected()
                        connection = made
                        return made
                    } catch {
                        server.failed(error, session)
                    }
                case .wait(let moment, let error):
                    guard moment < call.deadline, !call.isOver else { throw error }
                    sleep(ContinuousClock.now.duration(to: moment))
                case .giveUp(let error): throw error
                }
            }
        }

        private func sleep(_ duration: Duration) {
            let nanoseconds = Int(clamping: Int64(max(0, duration / .nanoseconds(1))))
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .nanoseconds(nanoseconds))
        }

        /// What `body` gives; an error of the directory's is an answer, too.
        private func result<Value>(_ body: () throws -> Value) throws(MariaDBError) -> Result<Value, CellError> {
            do {
                return .success(try body())
            } catch let error as CellError {
                return .failure(error)
            } catch let error as MariaDBError {
                throw error
            } catch {
                return .failure(
                    CellError(.directoryUnavailable, "The database \(server.address) can't be used.", cause: error))
            }
        }
    }
#endif
