import Foundation
import SwitchboardCore
import Testing

@Suite("Secrets")
struct SecretTests {
    private struct Holder: Encodable {
        var name = "holder"
        var secret: Secret = "canary"
    }

    @Test("Nothing that describes, dumps, reflects or encodes a secret shows it")
    func neverShown() throws {
        let secret: Secret = "canary"
        let holder = Holder()
        var dumped = ""
        dump(secret, to: &dumped)
        dump(holder, to: &dumped)
        dump([secret: secret], to: &dumped)
        let texts = [
            "\(secret)", String(describing: secret), String(reflecting: secret), secret.debugDescription, dumped,
            "\(holder)", String(reflecting: holder), "\(Optional(secret) as Any)", "\([secret])", "\([1: secret])",
            "\(Mirror(reflecting: secret).children.map { "\($0)" })",
            String(decoding: try JSONEncoder().encode(holder), as: UTF8.self),
            String(decoding: try JSONEncoder().encode([secret]), as: UTF8.self),
        ]
        for text in texts {
            #expect(!text.contains("canary"), "\(text)")
        }
        #expect("\(secret)" == "***")
        #expect(String(decoding: try JSONEncoder().encode([secret]), as: UTF8.self) == #"["***"]"#)
    }

    @Test("A secret reveals its text to who asks, and compares by it")
    func reveal() {
        let secret = Secret("canary")
        #expect(secret.reveal() == "canary")
        #expect(secret == "canary" && secret != "other")
        #expect(!secret.isEmpty && Secret("").isEmpty)
        #expect(Set([secret, Secret("canary")]).count == 1)
    }
}
