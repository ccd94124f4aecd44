import ActorSamples
import Distributed
import SwitchboardActors
import SwitchboardCore
import SwitchboardMessaging
import Testing

struct Snapshot: Codable, Sendable, Equatable {
    var name: String
    var sizes: [Int: UInt64]
}

struct StoreFull: Error, Codable, RPCTransferableError {
    static let remoteClass = "StoreFull"
    static let remoteModule = "store"
    var limit: Int

    init(limit: Int) { self.limit = limit }

    init?(_ remote: RemoteError) {
        guard let limit = remote.keywordArguments["limit"]?.integer else { return nil }
        self.limit = Int(limit)
    }

    var remoteError: RemoteError {
        RemoteError(
            className: Self.remoteClass, module: Self.remoteModule, message: "full", arguments: [],
            keywordArguments: ["limit": .integer(Int64(limit))])
    }
}

@Resolvable
protocol Store: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func put(_ value: Snapshot, under name: String) async throws -> Snapshot?
    distributed func pick(a: Int) async throws -> String
    distributed func pick(a: String) async throws -> String
    distributed func throwing() async throws(StoreFull) -> Int
    distributed func same<Value: Codable & Sendable>(_ value: Value) async throws -> Value
}

extension Store {
    distributed func both(_ text: String) async throws -> String { text + text }
}

/// A protocol that the actor below doesn't conform to, and one method of which it has all the same.
@Resolvable
protocol Elsewhere: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func pick(a: Int) async throws -> String
    distributed func pick(a: Double) async throws -> String
}

private distributed actor Secluded {
    typealias ActorSystem = SwitchboardActorSystem
    distributed func pick(a: Int) -> String { "Secluded" }
}

distributed actor MemoryStore: Store {
    typealias ActorSystem = SwitchboardActorSystem

    private var values: [String: Snapshot] = [:]

    distributed func put(_ value: Snapshot, under name: String) -> Snapshot? {
        defer { values[name] = value }
        return values[name]
    }
    distributed func pick(a: Int) -> String { "Int" }
    distributed func pick(a: String) -> String { "String" }
    distributed func throwing() throws(StoreFull) -> Int { throw StoreFull(limit: 7) }
    distributed func same<Value: Codable & Sendable>(_ value: Value) async throws -> Value { value }
    distributed func pair<One: Codable & Sendable, Other: Codable & Sendable>(
        _ one: One, other: Other
    ) -> [String] { ["\(One.self)", "\(Other.self)"] }
    distributed var count: Int { values.count }
    private distributed func hidden(x: Int) -> Int { x }
    func callHidden(of other: MemoryStore) async throws -> Int { try await other.hidden(x: 3) }

    distributed actor Inner {
        typealias ActorSystem = SwitchboardActorSystem
        distributed func pick(a: Int) -> String { "Inner" }
    }
}

extension MemoryStore {
    distributed func added(z: Int) -> Int { z + 1 }
}

/// Conforms to a protocol of another module.
distributed actor Abroad: Endpoint {
    typealias ActorSystem = SwitchboardActorSystem

    distributed func add(a: Int, b: Int) -> Int { a + b }
    distributed func echo(value: [String: [Double?]]?) -> [String: [Double?]]? { value }
    distributed func who() -> String { "abroad" }
    distributed func nothing() {}
    distributed func slow(seconds: Int) -> Int { seconds }
    distributed func fail(kind: String, message: String) throws {
        throw RemoteError(className: kind, message: message)
    }
}

distributed actor Box<Value: Codable & Sendable> {
    typealias ActorSystem = SwitchboardActorSystem
    distributed func fill(_ value: Value) -> Value { value }
    distributed func mix<Other: Codable & Sendable>(_ value: Value, with other: Other) -> Other { other }
}

@Suite("Swift clients of an actor without a table", .timeLimit(.minutes(5)))
struct SwiftToSwiftTests {
    private func withStore(
        types: GenericTypes = GenericTypes(), errors: Bool = false,
        _ body: @escaping @Sendable (SwitchboardActorSystem, SwitchboardActorID) async throws -> Void
    ) async throws {
        try await withActor(methods: ActorMethods(), genericTypes: types, make: { MemoryStore(actorSystem: $0) }) {
            system, id, connection in
            guard errors else { return try await body(system, id) }
            var client = RPCClient(connection, target: RPCTarget(topic: ""))
            client.errors.register(StoreFull.self)
            try await body(SwitchboardActorSystem(client), id)
        }
    }

    @Test("Structures, overloads, extensions, properties and private methods are called as they are written")
    func kinds() async throws {
        try await withStore { system, id in
            for store: any Store in [
                try $Store.resolve(id: id, using: system), try MemoryStore.resolve(id: id, using: system),
            ] {
                let name = "\(type(of: store))"
                let snapshot = Snapshot(name: "a", sizes: [1: .max])
                #expect(try await store.put(snapshot, under: name) == nil)
                #expect(try await store.put(snapshot, under: name) == snapshot)
                #expect(try await store.pick(a: 1) == "Int")
                #expect(try await store.pick(a: "") == "String")
            }
            let store = try MemoryStore.resolve(id: id, using: system)
            #expect(try await store.count == 2)
            #expect(try await store.added(z: 1) == 2)
            let local = MemoryStore(actorSystem: system)
            #expect(try await local.whenLocal { try await $0.callHidden(of: store) } == 3)
        }
    }

    @Test("A protocol of another module reaches what has no types of that module in it")
    func otherModule() async throws {
        try await withActor(methods: ActorMethods(), make: { Abroad(actorSystem: $0) }) { system, id, _ in
            let endpoint = try $Endpoint.resolve(id: id, using: system)
            #expect(try await endpoint.add(a: 1, b: 2) == 3)
            #expect(try await endpoint.echo(value: ["x": [1, nil]]) == ["x": [1, nil]])
            #expect(try await endpoint.who() == "abroad")
            try await endpoint.nothing()
            #expect(try await endpoint.slow(seconds: 4) == 4)
            let error = await #expect(throws: RPCError.self) {
                try await endpoint.fail(kind: "KeyError", message: "x")
            }
            #expect(error?.remote?.className == "KeyError")
        }
    }

    @Test("An error of a method arrives as RPCError, or as what it is where it is registered")
    func errors() async throws {
        try await withStore { system, id in
            let store = try $Store.resolve(id: id, using: system)
            let error = await #expect(throws: RPCError.self) { try await store.throwing() }
            #expect(error?.remote?.className == "StoreFull")
        }
        try await withStore(errors: true) { system, id in
            let store = try MemoryStore.resolve(id: id, using: system)
            let error = await #expect(throws: StoreFull.self) { try await store.throwing() }
            #expect(error?.limit == 7)
        }
    }

    @Test("Generic methods of an actor's own type take the types that the server allows")
    func generics() async throws {
        var types = GenericTypes()
        types.register(Snapshot.self)
        try await withStore(types: types) { system, id in
            let store = try MemoryStore.resolve(id: id, using: system)
            #expect(try await store.same(7) == 7)
            #expect(try await store.same(["a": "b"]) == ["a": "b"])
            #expect(try await store.same([1.5]) == [1.5])
            #expect(try await store.same(Int?.none) == nil)
            let snapshot = Snapshot(name: "a", sizes: [:])
            #expect(try await store.same([snapshot]) == [snapshot])
            #expect(try await store.pair(1, other: ["x"]) == ["Int", "Array<String>"])
            let error = await #expect(throws: RPCError.self) { try await store.same([[1]]) }
            #expect(error?.remote?.className == "TypeError")
            #expect(error?.message.contains("Swift.Array<Swift.Array<Swift.Int>>") == true)
            #expect(error?.message.contains("GenericTypes") == true)
        }
    }

    @Test("What Swift cannot do is an error of the first call that says so")
    func limits() async throws {
        try await withStore { system, id in
            let store = try $Store.resolve(id: id, using: system)
            let generic = await #expect(throws: RPCError.self) { try await store.same(7) }
            #expect(generic?.remote?.className == "NotImplementedError")
            #expect(generic?.message.contains("through a protocol") == true)
            let extended = await #expect(throws: RPCError.self) { try await store.both("x") }
            #expect(extended?.code == .noSuchMethod)
            let elsewhere = try $Elsewhere.resolve(id: id, using: system)
            #expect(try await elsewhere.pick(a: 1) == "Int")
            let foreign = await #expect(throws: RPCError.self) { try await elsewhere.pick(a: 1.5) }
            #expect(foreign?.code == .noSuchMethod)
            #expect(foreign?.message.contains("no method of the same Swift signature") == true)
        }
        try await withActor(methods: ActorMethods(), make: { Secluded(actorSystem: $0) }) { system, id, _ in
            let secluded = try Secluded.resolve(id: id, using: system)
            let error = await #expect(throws: RPCError.self) { try await secluded.pick(a: 1) }
            #expect(error?.remote?.className == "NotImplementedError")
            #expect(error?.message.contains("private") == true)
        }
        try await withActor(methods: ActorMethods(), make: { Box<Int>(actorSystem: $0) }) { system, id, _ in
            let box = try Box<Int>.resolve(id: id, using: system)
            let error = await #expect(throws: RPCError.self) { try await box.fill(1) }
            #expect(error?.remote?.className == "NotImplementedError")
            #expect(error?.message.contains("generic actor") == true)
            let mixed = await #expect(throws: RPCError.self) { try await box.mix(1, with: "x") }
            #expect(mixed?.remote?.className == "NotImplementedError")
        }
    }

    @Test("A table serves a generic actor, too")
    func genericActors() async throws {
        var methods = ActorMethods<Box<Int>>()
        methods.register("fill", .init("value", Int.self)) { try await $0.fill($1) }
        try await withActor(methods: methods, make: { Box<Int>(actorSystem: $0) }) { system, id, _ in
            let filled = try await Box<Int>.resolve(id: id, using: system).fill(5)
            #expect(filled == 5)
        }
    }

    @Test("A client that sends no Swift names reaches what is listed, and nothing else")
    func withoutTargets() async throws {
        try await withActor(methods: SwiftEndpoint.methods(), make: { SwiftEndpoint(named: "one", in: $0) }) {
            _, id, connection in
            let client = RPCClient(connection, target: RPCTarget(topic: ""))
            let system = SwitchboardActorSystem(client, sendsSwiftTargets: false)
            let endpoint = try SwiftEndpoint.resolve(id: id, using: system)
            #expect(try await endpoint.who() == "one")
            let error = await #expect(throws: RPCError.self) { try await endpoint.user() }
            #expect(error?.code == .noSuchMethod)
        }
    }
}
