import NovaCompute
import SwitchboardMessaging
import Testing

@Suite("Versioned objects")
struct NovaObjectTests {
    @Test("An object is written in Nova's order, with its changes only when there are any")
    func encoding() {
        var flavor = NovaObject("Flavor", version: "1.2", fields: ["id": 1])
        #expect(
            "\(flavor.json)"
                == #"{"nova_object.name": "Flavor", "nova_object.namespace": "nova", "nova_object.version": "1.2", "#
                + #""nova_object.data": {"id": 1}}"#)
        flavor["name"] = "m1"
        #expect("\(flavor.json)".hasSuffix(#""nova_object.changes": ["name"]}"#))
    }

    @Test("Setting a field marks it as changed, once; unsetting it forgets that")
    func changes() {
        var object = NovaObject("Instance", version: "2.8", fields: ["host": "a"])
        object["host"] = "b"
        object["host"] = "c"
        object["task_state"] = .null
        #expect(object.changes == ["host", "task_state"])
        object["task_state"] = nil
        #expect(object.changes == ["host"])
        #expect(object["task_state"] == nil)
        object.resetChanges()
        #expect(object.changes.isEmpty)
        #expect(object["host"] == "c")
    }

    @Test("Objects nest, in fields and in lists")
    func nesting() throws {
        let flavor = NovaObject("Flavor", version: "1.2", fields: ["name": "m1"])
        var instance = NovaObject("Instance", version: "2.8", fields: ["old_flavor": nil, "host": "a"])
        instance.setObject(flavor, for: "flavor")
        #expect(try instance.object("flavor") == flavor)
        #expect(try instance.object("old_flavor") == nil)
        #expect(try instance.object("new_flavor") == nil)
        #expect(throws: RPCError.self) { try instance.object("host") }

        let list = NovaObject(list: "FlavorList", version: "1.1", objects: [flavor, flavor])
        #expect(try NovaObject(json: list.json).objects == [flavor, flavor])
        #expect(try flavor.objects.isEmpty)
    }

    @Test("Times are whole seconds in UTC, with a Z")
    func times() throws {
        var object = NovaObject("Instance", version: "2.8")
        let time = try #require(WireTimestamp("2026-01-02T03:04:05.678901"))
        object.setTime(time, for: "launched_at")
        #expect(object["launched_at"] == "2026-01-02T03:04:05Z")
        #expect(object.time("launched_at")?.microseconds == time.microseconds - 678_901)
        object.setTime(nil, for: "launched_at")
        #expect(object["launched_at"] == .null)
        #expect(object.time("launched_at") == nil)
    }

    @Test("Objects encode and decode as parts of Swift's types")
    func codable() throws {
        struct Arguments: Codable, Equatable {
            var instance: NovaObject
            var others: [NovaObject]
        }
        let object = NovaObject("Instance", version: "2.8", fields: ["b": 1, "a": nil], changes: ["b"])
        let arguments = Arguments(instance: object, others: [object])
        let json = try JSONValue(encoding: arguments)
        #expect(json["instance"]?.description == object.json.description)
        #expect(try json.decode(Arguments.self) == arguments)
        #expect(throws: DecodingError.self) { try JSONValue.object(["nova_object.name": 1]).decode(NovaObject.self) }
    }

    @Test(
        "What is no object is refused, with a sentence that names the key",
        arguments: [
            ("[]", "no JSON object"),
            ("{}", "nova_object.name"),
            (#"{"nova_object.name": "A"}"#, "nova_object.namespace of A"),
            (#"{"nova_object.name": "A", "nova_object.namespace": "nova"}"#, "nova_object.version of A"),
            (
                #"{"nova_object.name": "A", "nova_object.namespace": "nova", "nova_object.version": "one"}"#,
                "no version"
            ),
            (
                #"{"nova_object.name": "A", "nova_object.namespace": "nova", "nova_object.version": "1.0"}"#,
                "nova_object.data of A"
            ),
            (
                #"{"nova_object.name": "A", "nova_object.namespace": "nova", "nova_object.version": "1.0", "#
                    + #""nova_object.data": {}, "nova_object.changes": [1]}"#,
                "nova_object.changes of A"
            ),
        ])
    func damaged(text: String, part: String) throws {
        let json = try JSONValue(parsing: text)
        let error = #expect(throws: RPCError.self) { try NovaObject(json: json) }
        #expect(error?.code == .invalidObject)
        #expect(error?.message.contains(part) == true)
    }

    @Test("No description shows a field's value but the uuid")
    func descriptions() {
        let mapping = NovaObject(
            "CellMapping", version: "1.1",
            fields: ["uuid": "an-id", "transport_url": "rabbit://user:s3cret@host/"])
        var dumped = ""
        dump(mapping, to: &dumped)
        for text in ["\(mapping)", String(reflecting: mapping), dumped] { #expect(!text.contains("s3cret")) }
        #expect("\(mapping)" == "CellMapping 1.1 an-id")
    }
}
