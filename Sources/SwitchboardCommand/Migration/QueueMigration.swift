#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// A migration of one virtual host's queues: what is there, and where it goes.
    struct QueueMigration: Sendable {
        let new: TransportURL
        let isMove: Bool
        let timeout: Duration
        let look: MigrationLook
        let target: BrokerInspection
        /// What was there at the beginning.
        let state: MigrationState

        /// Looks at the old virtual host. Throws a ``Failure`` where it can't be seen.
        init(
            old: TransportURL, new: TransportURL, isMove: Bool, management: ManagementOptions.Choice, timeout: Duration
        ) async throws {
            self.new = new.with(CommandSettings.current.rabbitMQ.announced)
            self.isMove = isMove
            self.timeout = timeout
            do {
                let inspection = try BrokerInspection(
                    old.with(CommandSettings.current.rabbitMQ.announced), timeout: timeout, logger: Doctor.silent)
                target = try BrokerInspection(self.new, timeout: timeout, logger: Doctor.silent)
                let host = try await OpenHost.first(of: inspection).host
                guard let address = management.address(ofBrokerAt: host.name, usesTLS: inspection.usesTLS) else {
                    throw Failure("A migration needs the management API.", exit: 2)
                }
                look = MigrationLook(
                    inspection: inspection, host: host, api: ManagementAPI(address, of: old, timeout: timeout),
                    target: isMove ? nil : target.topology)
                state = try await look.state()
            } catch let error as TransportError {
                throw Failure(error.message, exit: 2)
            } catch let error as InspectionFailure {
                throw Failure("The bus can't be looked at: \(error.reason). 'switchboard doctor' says more.", exit: 2)
            } catch let error as ManagementError {
                throw Failure("The bus can't be looked at: \(error.reason).", exit: 2)
            }
        }

        /// What the options say, for people who gave other ones than they meant.
        var goal: String {
            let topology = target.topology
            let requests =
                topology.quorumQueues
                ? "quorum queues" : "classic queues that are \(topology.durableQueues ? "" : "not ")durable"
            let isDurable = topology.durableTransientQueues
            let own =
                topology.streamFanout
                ? "streams for fanouts, quorum queues for replies"
                : topology.transientQuorumQueues
                    ? "quorum queues for fanouts and replies"
                    : "classic ones that are \(isDurable ? "" : "not ")durable for fanouts and replies"
            return "By the options: \(requests) for requests and notifications, \(own)."
        }

        /// Whether programs can work with the target, as the doctor sees it.
        func prove() async -> [CheckResult] {
            await Doctor(timeout: timeout).look(at: new)
        }

        func run(
            _ plan: MigrationPlan, switchMapping: @escaping () async throws -> Void,
            agree: @escaping (MigrationPlan.Step) async throws -> Bool, say: @escaping (String) throws -> Void
        ) -> MigrationRun {
            MigrationRun(
                plan: plan, state: state, look: look, target: target, isMove: isMove, switchMapping: switchMapping,
                agree: agree, say: say)
        }
    }
#endif
