import DriverHarnesses
import SwitchboardTesting

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

extension ConformanceTool {
    /// This package's drivers, in the order of the table.
    static var subjects: [ConformanceSubject] {
        var subjects = [
            ConformanceSubject(
                name: "in-process", urls: "`fake://NAME`, `inprocess://NAME`", product: "`SwitchboardInProcess`",
                needs: "nothing", harness: { _ in InProcessHarness() }),
            ConformanceSubject(
                name: "spool-maildir", urls: "`spool:///DIRECTORY`", product: "`SwitchboardSpool`",
                needs: "a directory", harness: { _ in SpoolHarness(layout: "maildir") }),
            ConformanceSubject(
                name: "spool-segment", urls: "`spool:///DIRECTORY?layout=segment`", product: "`SwitchboardSpool`",
                needs: "a directory", harness: { _ in SpoolHarness(layout: "segment") }),
        ]
        #if RabbitMQ
            subjects += [
                ConformanceSubject(
                    name: "rabbitmq", urls: "`rabbit://`, `amqp://`, `amqps://`", product: "`SwitchboardRabbitMQ`",
                    needs: "librabbitmq, RabbitMQ", harness: { RabbitMQHarness(.osloDefaults, for: $0) }),
                ConformanceSubject(
                    name: "rabbitmq-durable", urls: "the same, with durable queues", product: "`SwitchboardRabbitMQ`",
                    needs: "librabbitmq, RabbitMQ", harness: { RabbitMQHarness(.durable, for: $0) }),
                ConformanceSubject(
                    name: "rabbitmq-quorum", urls: "the same, with quorum queues", product: "`SwitchboardRabbitMQ`",
                    needs: "librabbitmq, RabbitMQ", harness: { RabbitMQHarness(.quorum, for: $0) }),
            ]
        #endif
        return subjects
    }
}
