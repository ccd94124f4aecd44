import NovaCompute
import SwitchboardMessaging
import Testing

@Suite("Versioned objects of hostile peers")
struct HostileObjectTests {
    static let values: [JSONValue] = {
        let texts = [
            "0", "-1", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e309", "-1e999", "NaN",
            "Infinity", "5e-324", "340282366920938463463374607431768211456", "[]", "{}", "null", "true", "\"\"",
            "\"99999999999999999999.1\"", "\"1.99999999999999999999\"",
            "\"9223372036854775807.9223372036854775807.9223372036854775807\"", "\"-1.0\"", "\"1\"",
            "\"9999-12-31T23:59:59Z\"", "\"0000-01-01T00:00:00.999999+23:59\"",
        ]
        return texts.compactMap { try? JSONValue(parsing: $0) }
    }()

    private static let keys = [
        "nova_object.name", "nova_object.namespace", "nova_object.version", "nova_object.data", "nova_object.changes",
    ]

    @Test("Any value at any key is read or refused, and what is read is compared, checked and written", arguments: keys)
    func anyKey(_ key: String) throws {
        #expect(Self.values.count == 23)
        let plain: JSONObject = [
            "nova_object.name": "Instance", "nova_object.namespace": "nova", "nova_object.version": "2.8",
            "nova_object.data": ["uuid": "u", "launched_at": "2026-01-02T03:04:05Z", "objects": []],
            "nova_object.changes": ["uuid"],
        ]
        for value in Self.values {
            for hostile in [value, [value], ["uuid": value, "launched_at": value, "objects": [value], "x": value]] {
                var json = plain
                json[key] = hostile
                use(.object(json))
                // As one inside another.
                var outer = plain
                outer["nova_object.data"] = ["inner": .object(json), "objects": [.object(json)]]
                use(.object(outer))
            }
        }
    }

    private func use(_ json: JSONValue) {
        guard let object = try? NovaObject(json: json) else { return }
        _ = "\(object) \(object.version)"
        _ = object.time("launched_at").map { "\($0) \($0.novaDateTime)" }
        _ = try? object.object("inner")
        _ = try? object.objects
        _ = NovaObjectVersions.newest.allows(object.name, object.version)
        try? NovaObjectVersions.newest.check(object)
        #expect(object.json.serialized().isEmpty == false)
    }

    @Test("Any number of a service is a pin, or refused", arguments: [Int.min, -1, 0, 1, 29, 30, 74, 75, .max])
    func pins(_ number: Int) {
        _ = try? ComputePin(oldestService: number)
        _ = NovaObjectVersions(serviceVersion: number)["Instance"]
    }
}
