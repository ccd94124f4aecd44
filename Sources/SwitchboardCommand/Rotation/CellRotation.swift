import SwitchboardCells
import SwitchboardCore

/// New credentials for a cell's queue: proved first, then put into the mapping, then watched.
struct CellRotation: Sendable {
    /// The cell as it was read.
    let cell: CellMapping
    /// What is stored instead; the same where the mapping has the new URL already.
    let template: URLTemplate
    /// Both URLs, filled in.
    let old: TransportURL
    let new: TransportURL
    /// The users that are to go.
    let oldUsers: Set<String>
    var management = ManagementOptions.Choice.none
    /// What the credentials are proved with, and how long each step may take.
    var doctor = Doctor()
    /// How long connections may take to move.
    var wait = Duration.seconds(60)
    /// How far two looks are apart.
    var interval = Duration.seconds(1)
    /// How long nobody may be seen before nobody is believed: the API's lists are some seconds old.
    var quiet = Duration.seconds(11)

    /// Whether the mapping is still to be switched.
    var switches: Bool { cell.transportURL != template }

    /// Whether the user stays, with another password: its connections can't be told by their user.
    var keepsUser: Bool { !oldUsers.isDisjoint(with: new.usernames) }

    // MARK: Proof

    /// What credentials are answerable for. What the cell's servers do is another matter.
    private static let steps: Set<String> = [
        DoctorStep.url, .resolve, .tcp, .tls, .login, .virtualHost, .alarms, .permissions, .roundTrip,
    ].reduce(into: []) { $0.insert($1.rawValue) }

    /// Uses the new URL as the cell's programs would. Nothing is changed.
    func prove() async -> CheckReport {
        var doctor = doctor
        #if RabbitMQ
            doctor.management = address
        #endif
        let results = await doctor.look(at: new).filter { Self.steps.contains($0.step) }
        return CheckReport(
            "rotation", subjects: [.init("the new credentials of the cell \(cell.identity)", results: results)])
    }

    // MARK: Switch

    /// Puts the new URL into the mapping. Throws a ``Failure`` where the mapping isn't what was read before.
    func switchMapping(in directory: any MutableCellDirectory) async throws {
        let now = try await directory.cell(cell.id)
        guard now.transportURL == cell.transportURL else {
            throw Failure(
                "The cell \(cell.identity) was given another URL meanwhile; nothing was changed. Run the command again.",
                exit: 2)
        }
        _ = try await directory.updateCell(cell.id, CellChange(transportURL: template))
        let stored = try await directory.cell(cell.id)
        guard stored.transportURL == template else {
            throw Failure(
                "The directory doesn't hold the new URL of the cell \(cell.identity) after the change.", exit: 255)
        }
    }

    /// Other cells at the same broker whose URLs have a user that is to go.
    func otherCells(in directory: any MutableCellDirectory, base: BaseURLs) async throws -> [CellMapping] {
        try await directory.cells().cells.filter { other in
            guard other.id != cell.id, case .url(let url)? = try? other.queue(base: base) else { return false }
            return url.sharesHosts(with: old) && !url.usernames.isDisjoint(with: oldUsers)
                && (!keepsUser || url.hosts.contains { host in old.hosts.contains { $0.password == host.password } })
        }
    }

    // MARK: Watch

    #if RabbitMQ
        private var address: ManagementAddress? {
            let usesTLS =
                new.scheme == "amqps" || new.options.contains { $0.name == "ssl" && $0.value.lowercased() == "true" }
            return new.hosts.first.flatMap { management.address(ofBrokerAt: $0.name, usesTLS: usesTLS) }
        }

        /// The connections of the users that are to go, for ``watch(_:_:)``: take it right before the switch.
        func connectionsBefore() async -> Result<[BrokerConnection], ManagementError> {
            guard let address else {
                return .failure(
                    ManagementError(
                        "AMQP lists no connections; the management API does (--management-url, --management-port)"))
            }
            return await connections(ManagementAPI(address, of: new, timeout: doctor.timeout))
        }

        private func connections(_ api: ManagementAPI) async -> Result<[BrokerConnection], ManagementError> {
            do throws(ManagementError) {
                return .success(try await api.connections().filter { oldUsers.contains($0.user) })
            } catch {
                return .failure(error)
            }
        }

        /// Watches until no connection uses the old credentials, or until time is up.
        ///
        /// - Parameters:
        ///   - before: what ``connectionsBefore()`` gave.
        ///   - report: told how many there are whenever that changes.
        func watch(
            _ before: Result<[BrokerConnection], ManagementError>, _ report: (Int) throws -> Void
        ) async throws -> OldUserUse {
            let known: Set<BrokerConnection>
            switch before {
            case .success(let connections): known = Set(connections)
            case .failure(let error): return .unseen(reason: error.reason)
            }
            guard let address else { return .unseen(reason: "no management API was given") }
            let api = ManagementAPI(address, of: new, timeout: doctor.timeout)
            let begin = ContinuousClock.now
            var emptySince: ContinuousClock.Instant?
            var last: Int?
            while true {
                let found: [BrokerConnection]
                switch await connections(api) {
                // With the same user, a connection that was made since has the new password: the old one is refused.
                case .success(let all): found = keepsUser ? all.filter { known.contains($0) } : all
                case .failure(let error): return .unseen(reason: error.reason)
                }
                if found.count != last {
                    try report(found.count)
                    last = found.count
                }
                let now = ContinuousClock.now
                emptySince = found.isEmpty ? emptySince ?? now : nil
                if let emptySince, emptySince.duration(to: now) >= quiet { return .unused }
                if emptySince == nil, begin.duration(to: now) >= wait { return .used(Self.users(found)) }
                try await Task.sleep(for: interval)
            }
        }

        private static func users(_ connections: [BrokerConnection]) -> [OldUserUse.Connection] {
            connections.map {
                .init(user: $0.user, program: $0.program, peer: $0.peer, virtualHost: $0.virtualHost)
            }.sorted { ($0.program ?? "", $0.peer) < ($1.program ?? "", $1.peer) }
        }
    #endif
}
