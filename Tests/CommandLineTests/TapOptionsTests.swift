import Testing

/// How the commands that tap are called. What they see of a broker is tested elsewhere.
@Suite("switchboard tap and top, options", .timeLimit(.minutes(5)))
struct TapOptionsTests {
    @Test("Wrong usage is told in a sentence, before anything is connected to")
    func usage() throws {
        let program = try Program()
        let url = ["--transport-url", "rabbit://u:p@127.0.0.1:1/"]
        for (arguments, words) in [
            (["tap", "--firehose", "on"], "--management-url"),
            (["tap", "--firehose", "on", "--management-url", "http://h"], "--yes"),
            (["tap", "--firehose", "on", "--management-url", "http://h", "--yes", "--replies", "none"], "contradict"),
            (["tap", "--count", "0"], "--count"), (["tap", "--method", ""], "--method"),
            (["top", "--window", "0"], "--window"),
        ] {
            let result = try program.start(arguments + url).wait()
            #expect(result.status == 64, "\(arguments): \(result.output)\(result.errors)")
            #expect(result.errors.contains(words), "\(arguments): \(result.errors)")
        }
    }

    #if RabbitMQ
        @Test("What can't be tapped: another driver, no broker, no cell")
        func refusals() throws {
            let program = try Program()
            try #require(try program.run("init").status == 0)
            let spool = try program.run("tap", "--transport-url", "spool://\(program.folder)/s", "--for", "1")
            #expect(spool.status == 5 && spool.errors.contains("not RabbitMQ"), "\(spool.errors)")
            for command in ["tap", "top"] {
                let gone = try program.run(command, "--transport-url", "rabbit://u:canary@127.0.0.1:1/", "--for", "120")
                #expect(gone.status == 5 && gone.errors.contains("can't be tapped"), "\(gone.errors)")
                #expect(!gone.errors.contains("canary"))
            }
            #expect(try program.run("tap", "--cell", "nowhere").status == 3)
            // Only cell0, which has no queue.
            #expect(try program.run("tap", "--all-cells").status == 3)
        }
    #endif
}
