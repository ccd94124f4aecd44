import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

extension WireSample {
    static let notifications = all.filter { $0.name.contains("notification") }

    static func notification(_ name: String) throws -> OsloNotification {
        try OsloNotification(#require(notifications.first { $0.name == name }).message)
    }
}

@Suite("Notifications of real peers")
struct NotificationWireTests {
    @Test("There are eight samples")
    func count() {
        #expect(WireSample.notifications.count == 8)
    }

    @Test("A notification decodes, and encodes to the very bytes", arguments: WireSample.notifications)
    func roundTrip(_ sample: WireSample) throws {
        let notification = try OsloNotification(sample.message)
        #expect(notification.format == (sample.name.contains("-v1-") ? .v1 : .v2))
        #expect(
            String(decoding: notification.message().body, as: UTF8.self)
                == String(decoding: sample.message.body, as: UTF8.self))
        let event = try notification.event()
        #expect(event.id?.count == 36)
        #expect(event.timestamp?.notificationText == event.timestampText)
    }

    @Test("A notification is what its sender said")
    func fields() throws {
        let event = try WireSample.notification("notification-messagingv2").event()
        #expect(event.priority == .info && event.payload["memory_mb"] == 512)
        let nova = try WireSample.notification("nova-notification-legacy").event()
        #expect(nova.publisherID == "compute.cmp1")
        #expect(nova.eventType == "compute.instance.reboot.start")
        #expect(nova.payload == ["instance_id": "i", "created_at": nil])
        #expect(nova.context.count == 25)
        let context = try nova.requestContext()
        #expect(context.userID == "u1" && context.projectName == "pn" && context.authToken == nil)
        let command = try WireSample.notification("notification-cli-oslo-messaging-send-notification").event()
        #expect(command.priority == .warn && command.payload == "{\"a\": 1}")
    }

    @Test("Our own notification of the same content has the bytes of oslo.messaging's")
    func encoding() throws {
        let theirs = try WireSample.notification("nova-notification-legacy")
        var ours = OsloNotification(try theirs.event(), format: .v2)
        #expect(ours.uniqueID?.string?.count == 32 && ours.uniqueID != theirs.uniqueID)
        ours.uniqueID = theirs.uniqueID
        #expect(ours.message() == theirs.message())
    }

    @Test("The redacted context has the keys and the order of Nova's")
    func redactedContext() throws {
        let theirs = try WireSample.notification("nova-notification-legacy").context
        var context = try RequestContext(wireObject: theirs)
        context.authToken = "t0ken-5ecret"
        context.remoteAddress = "10.0.0.1"
        context.serviceCatalog = [["type": "volumev3"]]
        context.quotaClass = "q"
        context.resourceUUID = "r"
        context.additional = ["service_token": "t0ken-5ecret"]
        let ours = context.redacted().wireObject()
        #expect(ours.keys == theirs.keys)
        #expect(ours == theirs)
    }

    @Test("kombu's typed values become plain, at any depth")
    func kombuTypes() throws {
        let event = try WireSample.notification("notification-messaging-v1-python-types").event()
        #expect(event.payload["dt"] == "2026-01-02T03:04:05.678901")
        #expect(event.payload["dt_utc"] == "2026-01-02T03:04:05+00:00")
        #expect(event.payload["d"] == "2026-01-02")
        #expect(event.payload["u"] == "00000000-0000-0000-0000-000000000001")
        #expect(event.payload["dec"] == "1.50")
        #expect(event.payload["b"] == "bytes")
        #expect(event.payload["big"] == .number(JSONNumber("1180591620717411303424")!))
        let deep: JSONValue = [["x": ["__type__": "uuid", "__value__": ["hex": "0123456789ABCDEF0123456789abcdef"]]]]
        #expect(try KombuTypes.plain(deep) == [["x": "01234567-89ab-cdef-0123-456789abcdef"]])
        let three: JSONValue = ["__type__": "uuid", "__value__": 1, "more": true]
        #expect(try KombuTypes.plain(three) == three)
    }

    @Test(
        "A typed value that kombu rejects is rejected",
        arguments: [
            #"{"__type__": "complex", "__value__": "1j"}"#, #"{"__type__": ["uuid"], "__value__": 1}"#,
            #"{"__type__": "datetime", "__value__": 7}"#, #"{"__type__": "uuid", "__value__": {"hex": "12"}}"#,
        ])
    func badKombuTypes(_ text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(throws: WireError.self) { try KombuTypes.plain(value) }
        let enveloped = NotificationEvent("e", priority: .info, publisherID: "p", payload: ["x": value])
        #expect(try OsloNotification(OsloNotification(enveloped, format: .v2).message()).event().payload["x"] == value)
        let bare = OsloNotification(enveloped, format: .v1).message()
        #expect(throws: WireError.self) { try OsloNotification(bare).event() }
    }

    @Test("A timestamp has a blank, six digits, and no zone; Python's without a fraction is read too")
    func timestamp() {
        let event = NotificationEvent("e", priority: .info, publisherID: "p")
        let text = event.timestampText ?? ""
        #expect(text.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}/) != nil)
        var other = event
        other.timestampText = "2026-11-23 16:17:26"
        #expect(other.timestamp == WireTimestamp("2026-11-23T16:17:26.000000"))
    }

    @Test(
        "A priority is read in any case; what is none is an error that names it",
        arguments: [
            ("WARN", NotificationPriority.warn), ("warning", .warn), ("Info", .info), ("AUDIT", .audit), ("", nil),
            ("verbose", nil),
        ])
    func priorities(_ name: String, _ expected: NotificationPriority?) throws {
        #expect(NotificationPriority(wireName: name) == expected)
        var notification = OsloNotification(
            NotificationEvent("e", priority: .info, publisherID: "p"), format: .v2)
        notification.priority = .string(name)
        if expected == nil {
            let error = #expect(throws: WireError.self) { try notification.event() }
            #expect(error?.description.contains("\"\(name)\"") == true)
        } else {
            #expect(try notification.event().priority == expected)
        }
        notification.priority = .null
        #expect(throws: WireError.self) { try notification.event() }
    }

    @Test("Every field but the priority may be missing")
    func missingFields() throws {
        let event = try OsloNotification(Message(body: Array(#"{"priority": "INFO"}"#.utf8))).event()
        #expect(event.id == nil && event.publisherID == nil && event.eventType == nil && event.payload == .null)
        #expect(event.timestamp == nil && event.context.isEmpty)
    }
}
