import Testing

@Suite("switchboard conformance", .timeLimit(.minutes(3)))
struct ConformanceCommandTests {
    @Test("A queue of one's own is held to the laws, and the matrix says so")
    func matrix() throws {
        let program = try Program()
        let result = try program.run("conformance", "--url", "fake://trial")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("✓    An accepted message is not delivered again"))
        #expect(!result.output.contains("✗   "))
    }

    @Test("What cannot be used is said, with the exit code for queues")
    func unusable() throws {
        let program = try Program()
        for url in ["nothing://x", "not a URL"] {
            let result = try program.run("conformance", "--url", url)
            #expect(result.status == 5)
            #expect(!result.errors.isEmpty && result.output.isEmpty)
        }
    }

    #if RabbitMQ
        @Test("A virtual host that the URL does not name is not used without a word")
        func agreement() throws {
            let program = try Program()
            let result = try program.run("conformance", "--url", "rabbit://guest:sesame@127.0.0.1:1")
            #expect(result.status == 2)
            #expect(result.errors.contains("--yes") && !result.errors.contains("sesame"))
        }
    #endif
}
