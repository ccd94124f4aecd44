import SwitchboardMessaging
import Testing

@testable import NovaCompute

@Suite("Version pins")
struct ComputePinTests {
    @Test("Code names pin to the versions that Nova has for them")
    func releases() throws {
        let aliases = try Reference().aliases
        #expect(aliases.count == 26)
        for (name, version) in aliases {
            let pin = try #require(ComputePin(release: name), "\(name)")
            #expect(pin.version.description == version, "\(name)")
            #expect(try ComputePin(upgradeLevel: name) == pin)
        }
        #expect(ComputeVersionHistory.releases.count == aliases.count)
        #expect(ComputePin(release: "kiwi") == nil)
    }

    @Test("A service version pins to the compute version that it came with")
    func services() throws {
        let versions = try Reference().versionByService
        #expect(versions.count == ComputeVersionHistory.newestServiceVersion + 1)
        for (service, version) in versions.enumerated() where service > 0 {
            #expect(try ComputePin(oldestService: service).version.description == version, "\(service)")
        }
        #expect(try ComputePin(oldestService: 0) == .newest)
        for service in [-1, versions.count] {
            let error = #expect(throws: RPCError.self) { try ComputePin(oldestService: service) }
            #expect(error?.code == .unknownUpgradeLevel)
        }
    }

    @Test("A release's service version has the release's compute version")
    func consistency() {
        for release in ComputeVersionHistory.releases {
            guard let service = release.serviceVersion else { continue }
            #expect(ComputeVersionHistory.version(ofService: service) == release.version, "\(release.name)")
        }
    }

    @Test("An upgrade level is a version or a code name; anything else says what there is")
    func upgradeLevels() throws {
        #expect(try ComputePin(upgradeLevel: "6.2") == ComputePin(version: "6.2"))
        for text in ["auto", "kiwi", "6", "6.", "", "Yoga"] {
            let error = #expect(throws: RPCError.self) { try ComputePin(upgradeLevel: text) }
            #expect(error?.code == .unknownUpgradeLevel)
            #expect(error?.message.contains(text == "auto" ? "oldest compute service" : "yoga") == true)
        }
    }

    @Test(
        "Objects are limited to what came with the version",
        arguments: [
            ("Instance", 30, "2.3"), ("Instance", 37, "2.4"), ("Instance", 66, "2.7"), ("Instance", 67, "2.8"),
            ("ShareMapping", 66, nil), ("ShareMapping", 68, "1.1"), ("ImageMetaProps", 73, "1.43"),
            ("ImageMetaProps", 74, "1.44"), ("FixedIP", 48, "1.14"), ("FixedIP", 49, nil), ("Instance", 29, nil),
        ] as [(String, Int, String?)])
    func objectVersions(name: String, service: Int, version: String?) {
        #expect(NovaObjectVersions(serviceVersion: service)[name]?.description == version)
    }

    @Test("A version allows the objects of the oldest services that have it, a release those of the release")
    func objectsByPin() throws {
        #expect(ComputePin(version: "6.0").objects["NetworkRequest"] == "1.2")
        #expect(try #require(ComputePin(release: "yoga")).objects["NetworkRequest"] == "1.3")
        #expect(ComputePin(version: "6.9").objects["Instance"] == "2.8")
        #expect(ComputePin(version: "4.17").objects["Instance"] == nil)
    }

    @Test("An object may be as new as known or older, of the same major")
    func comparison() {
        var versions = NovaObjectVersions.newest
        #expect(versions.allows("Instance", "2.8"))
        #expect(versions.allows("Instance", "2.0"))
        #expect(!versions.allows("Instance", "2.9"))
        #expect(!versions.allows("Instance", "1.9"))
        #expect(!versions.allows("Instance", "3.0"))
        #expect(!versions.allows("Unheard", "1.0"))
        versions["Unheard"] = "1.1"
        #expect(versions.allows("Unheard", "1.0"))
        #expect(("2.10" as RPCVersion) > "2.9")
    }

    @Test("The table of objects reads, and its steps rise")
    func history() throws {
        #expect(NovaObjectHistory.names.count == 127)
        for name in NovaObjectHistory.names {
            var last: RPCVersion?
            for service in NovaObjectHistory.oldestServiceVersion...ComputeVersionHistory.newestServiceVersion {
                let version = NovaObjectHistory.version(of: name, serviceVersion: service)
                if let last, let version { #expect(last <= version, "\(name) at \(service)") }
                last = version ?? last
            }
            #expect(last != nil, "\(name)")
        }
    }
}
