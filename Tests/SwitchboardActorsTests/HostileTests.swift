import ActorSamples
import Distributed
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardActors
@testable import SwitchboardMessaging

/// Sends requests whose Swift target nobody's Swift has written.
@Suite("Hostile requests for an actor", .timeLimit(.minutes(10)))
struct HostileTests {
    /// What a server answers to a target: a result, or the class of an error.
    private func withAsker(
        _ body:
            @escaping @Sendable (
                _ ask: @escaping @Sendable (JSONValue, JSONObject) async throws -> String, [String]
            ) async throws -> Void
    ) async throws {
        try await withActor(methods: ActorMethods(), make: { MemoryStore(actorSystem: $0) }) { system, id, connection in
            let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(120))
            let ask = { @Sendable (target: JSONValue, arguments: JSONObject) in
                // The name that goes with it; for nonsense one that there is.
                let identifier = target.string ?? target[0]?.string ?? ""
                let name = TargetTitle(of: identifier)?.base ?? "pick"
                do {
                    let result = try await client.perform(
                        RPCClientRequest(
                            kind: .call, method: name, arguments: arguments, namespace: nil, version: "1.0",
                            target: client.target, context: RequestContext(), timeout: client.timeout,
                            neverTwice: false, swiftTarget: target))
                    return "\(result)"
                } catch let error as RPCError {
                    return try #require(error.remote, "\(error)").className
                }
            }
            try await body(ask, try await Self.identifiers(id, connection))
        }
    }

    /// The identifiers of real methods, as a client sends them.
    private static func identifiers(
        _ id: SwitchboardActorID, _ connection: MessageQueueConnection
    ) async throws -> [String] {
        let seen = Locked<[String]>([])
        var client = RPCClient(connection, target: RPCTarget(topic: ""))
        client.middleware = [Tap(seen: seen)]
        let system = SwitchboardActorSystem(client)
        let (store, actor) = (try $Store.resolve(id: id, using: system), try MemoryStore.resolve(id: id, using: system))
        _ = try? await store.pick(a: 1)
        _ = try? await store.put(Snapshot(name: "", sizes: [:]), under: "")
        _ = try? await store.same(1)
        _ = try? await store.both("")
        _ = try? await actor.pick(a: 1)
        _ = try? await actor.same(1)
        _ = try? await actor.count
        _ = try? await actor.added(z: 1)
        _ = try? await MemoryStore.Inner.resolve(id: id, using: system).pick(a: 1)
        _ = try? await Box<Int>.resolve(id: id, using: system).fill(1)
        _ = try? await SwiftEndpoint.resolve(id: id, using: system).user()
        _ = try? await $Elsewhere.resolve(id: id, using: system).pick(a: 1)
        _ = try? await localActor(id, system)
        return seen.withLock { $0 }
    }

    /// An actor whose type is inside a function.
    private static func localActor(_ id: SwitchboardActorID, _ system: SwitchboardActorSystem) async throws {
        distributed actor Local {
            typealias ActorSystem = SwitchboardActorSystem
            let secret = "secret"
            distributed func pick(a: Int) -> String { secret }
        }
        _ = try await Local.resolve(id: id, using: system).pick(a: 1)
    }

    private struct Tap: RPCClientMiddleware {
        let seen: Locked<[String]>

        func send(
            _ request: RPCClientRequest,
            next: nonisolated(nonsending) @Sendable (RPCClientRequest) async throws -> JSONValue
        ) async throws -> JSONValue {
            let names = request.swiftTarget?.string ?? request.swiftTarget?[0]?.string
            if let names { seen.withLock { $0.append(names) } }
            throw CancellationError()
        }
    }

    @Test("Methods of other types are no methods of the actor's, and nothing is run for them")
    func otherTypes() async throws {
        try await withAsker { ask, identifiers in
            #expect(identifiers.count == 13)
            let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for (index, identifier) in identifiers.enumerated() {
                    group.addTask { (index, try await ask(.string(identifier), ["a": 1])) }
                }
                return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
            }
            let expected = [
                "\"Int\"", "TypeError", "NotImplementedError", "NoSuchMethod", "\"Int\"", "TypeError", "TypeError",
                "TypeError",
                "NoSuchMethod", "NoSuchMethod", "NoSuchMethod", "\"Int\"", "NoSuchMethod",
            ]
            for (index, answer) in answers { #expect(answer == expected[index], "\(identifiers[index])") }
        }
    }

    @Test("A target runs under its own name only, as access policies and middleware see no other")
    func otherName() async throws {
        try await withAsker { _, identifiers in
            let methods = ActorMethods<MemoryStore>()
            try await withActor(methods: methods, make: { MemoryStore(actorSystem: $0) }) { _, _, connection in
                let client = RPCClient(connection, target: RPCTarget(topic: "t"))
                for identifier in identifiers {
                    let error = await #expect(throws: RPCError.self) {
                        try await client.perform(
                            RPCClientRequest(
                                kind: .call, method: "harmless", arguments: ["a": 1], namespace: nil, version: "1.0",
                                target: client.target, context: RequestContext(), timeout: .seconds(120),
                                neverTwice: false, swiftTarget: .string(identifier)))
                    }
                    #expect(["NoSuchMethod", "NotImplementedError"].contains(error?.remote?.className))
                }
            }
        }
    }

    @Test("Whatever a target is, it is answered")
    func nonsense() async throws {
        try await withAsker { ask, identifiers in
            let identifier = try #require(identifiers.dropFirst(4).first)
            let targets: [JSONValue] = [
                nil, true, 1, "", [], [1], [[]], [:], "x", "$s", "$s0", "$s00", "FTE", "$sFTE",
                .string(identifier + "\u{0}"), .string("\u{1}\u{2}\u{3}\u{4}\u{5}" + identifier),
                .string("$s" + String(repeating: "9", count: 400) + "FTE"),
                .string("$s" + String(repeating: "0", count: 400) + "FTE"),
                .string(identifier + String(repeating: "S", count: 100_000)),
                .string(identifier.replacingFirst("Si", with: String(repeating: "Say", count: 300) + "Si")),
                .string(identifier.dropLast(3) + "TE"), .string(identifier.dropLast(3) + "F"),
            ]
            for target in targets {
                let answer = try await ask(target, ["a": 1])
                #expect(["NoSuchMethod", "TypeError"].contains(answer), "\(target.description.prefix(300))")
            }
            // Beside its array's first element, what isn't a name doesn't count.
            #expect(try await ask([.string(identifier), 1, nil], ["a": 1]) == "\"Int\"")
        }
    }

    @Test("Generic arguments that nobody has allowed are a TypeError, whatever they name")
    func genericArguments() async throws {
        try await withAsker { ask, identifiers in
            let same = try #require(identifiers.dropFirst(5).first)
            for names: [JSONValue] in [
                [], ["Swift.Set<Swift.Int>"], ["Swift.AnyObject"], ["Si"], [""],
                ["SwitchboardActors.SwitchboardActorSystem"],
                ["Swift.Int", "Swift.Nothing"], ["\u{0}"],
            ] {
                #expect(try await ask(.array([.string(same)] + names), ["value": 1]) == "TypeError", "\(names)")
            }
            #expect(try await ask([.string(same), "Swift.Int"], ["value": 1]) == "1")
            #expect(try await ask([.string(same), "Swift.String"], ["value": 1]) == "TypeError")
        }
    }

    @Test("Arguments that do not fit are a TypeError")
    func arguments() async throws {
        try await withAsker { ask, identifiers in
            for identifier in [identifiers[0], identifiers[4]] {
                for arguments: JSONObject in [[:], ["b": 1], ["a": "x"], ["a": nil], ["a": 1, "b": 2], ["a": [:]]] {
                    let answer = try await ask(.string(identifier), arguments)
                    #expect(answer == "TypeError", "\(identifier) \(arguments)")
                }
            }
        }
    }

    @Test("No change to a method's identifier makes the server trap", arguments: 0..<8)
    func mutations(seed: UInt64) async throws {
        try await withAsker { ask, identifiers in
            var random = SeededGenerator(seed)
            let alphabet = Array("$_0123456789aAbCdEfFGKlLMnNoOPqrRsStTuUvVwWxXyYzZ".utf8)
            let known = identifiers.map { Array($0.utf8) }
            for _ in 0..<400 {
                var bytes = known.randomElement(using: &random) ?? []
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let place = Int.random(in: 2..<max(3, bytes.count - 3), using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] = alphabet.randomElement(using: &random) ?? 0
                    case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
                    case 2: bytes.remove(at: place)
                    default:
                        // A piece of another one.
                        let other = known.randomElement(using: &random) ?? []
                        let start = Int.random(in: 0..<other.count, using: &random)
                        bytes.insert(
                            contentsOf: other[start...].prefix(Int.random(in: 1...20, using: &random)), at: place)
                    }
                }
                let target = String(decoding: bytes, as: UTF8.self)
                let answer = try await ask([.string(target), "Swift.Int"], ["a": 1])
                #expect(!answer.contains("secret"), "\(target)")
            }
        }
    }
}

extension String {
    fileprivate func replacingFirst(_ part: String, with other: String) -> String {
        guard let range = firstRange(of: part) else { return self }
        return replacingCharacters(in: range, with: other)
    }

    private func firstRange(of part: String) -> Range<String.Index>? { ranges(of: part).first }

    private func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
        var copy = self
        copy.replaceSubrange(range, with: other)
        return copy
    }
}
