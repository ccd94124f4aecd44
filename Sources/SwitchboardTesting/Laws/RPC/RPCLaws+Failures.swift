import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// What callers learn of what went wrong.
    static let failures: [DriverLaw] = [
        DriverLaw("A visible error of a handler arrives with its class, module and message", .failures) { bench in
            let router = LawBench.router { _, _ in
                throw RemoteError(className: "NotFound", module: "laws.exception", message: "no such thing: ü")
            }
            try await bench.withService(router) { client in
                let error = try await bench.requireRPCError(.remote, from: "a call whose handler throws") {
                    try await client.call(LawBench.Interface.work, .init(text: ""), context: RequestContext())
                }
                try bench.requireEqual(error.remote?.className, "NotFound", "the class of the error")
                try bench.requireEqual(error.remote?.module, "laws.exception", "the module of the error")
                try bench.requireEqual(error.message, "no such thing: ü", "the message of the error")
            }
        },
        DriverLaw("An error that is not visible stays on its server", .failures) { bench in
            let router = LawBench.router { _, _ in throw Private() }
            try await bench.withService(router) { client in
                let error = try await bench.requireRPCError(.remote, from: "a call whose handler throws") {
                    try await client.call(LawBench.Interface.work, .init(text: ""), context: RequestContext())
                }
                try bench.require(
                    !"\(error) \(String(reflecting: error))".contains("hush"), "the caller sees \(error).")
            }
        },
        DriverLaw("Unknown methods, namespaces and versions are distinguished from failures", .failures) {
            bench in
            try await bench.withService { client in
                try await bench.requireRPCError(.noSuchMethod, from: "a call of an unknown method") {
                    try await client.call("no_such_method", version: "1.0", context: RequestContext())
                }
                for version: RPCVersion in ["1.3", "2.0", "0.9"] {
                    try await bench.requireRPCError(.unsupportedVersion, from: "a call of version \(version)") {
                        try await client.call("echo", ["text": "x"], version: version, context: RequestContext())
                    }
                }
                let reply = try await client.call("echo", ["text": "x"], version: "1.1", context: RequestContext())
                try bench.requireEqual(reply, "x", "the reply of an older version")
                try await bench.requireRPCError(.unsupportedVersion, from: "a call of another namespace") {
                    try await client.call("echo", ["text": "x"], namespace: "other", context: RequestContext())
                }
            }
        },
        DriverLaw("Arguments that do not match the method are the caller's error", .failures) { bench in
            try await bench.withService { client in
                let error = try await bench.requireRPCError(.remote, from: "a call with other arguments") {
                    try await client.call("echo", ["txet": "x"], version: "1.2", context: RequestContext())
                }
                try bench.require(error.message.contains("text"), "the error does not say what is missing: \(error)")
            }
        },
        DriverLaw("A call or cast without a listener fails at once", .failures, proves: .detectsUnroutable) {
            bench in
            try await bench.withClient { client in
                try await bench.within("the failure of a call to nobody") {
                    for server in [nil, "none"] {
                        try await bench.requireRPCError(.unroutable, from: "a call to nobody") {
                            try await client.call(
                                LawBench.Interface.echo, .init(text: ""), to: server, context: RequestContext())
                        }
                        try await bench.requireRPCError(.unroutable, from: "a cast to nobody") {
                            try await client.cast(
                                LawBench.Interface.echo, .init(text: ""), to: server, context: RequestContext())
                        }
                    }
                }
                try bench.requireEqual(client.callsInFlight, 0, "the number of calls that still wait")
            }
        },
        DriverLaw("A call without a listener fails at its deadline at the latest", .failures) { bench in
            try await bench.withClient { client in
                try await bench.within("the failure of a call to nobody") {
                    // On a busy machine it may not even have been sent by then.
                    try await bench.requireRPCError(
                        .unroutable, .timeout, .indeterminate, .unavailable, from: "a call to nobody"
                    ) {
                        try await client.call(
                            LawBench.Interface.echo, .init(text: ""), context: RequestContext(),
                            timeout: .milliseconds(200))
                    }
                }
            }
        },
        DriverLaw("A call that does not ask whether a server listens waits until its deadline", .failures) { bench in
            try await bench.withClient { client in
                var client = client
                client.detectsMissingListeners = false
                let deadline = ContinuousClock.now + .milliseconds(200)
                try await bench.within("the failure of a call to nobody") { [client] in
                    try await bench.requireRPCError(
                        .timeout, .indeterminate, .unavailable, from: "a call to nobody"
                    ) {
                        try await client.call(
                            LawBench.Interface.echo, .init(text: ""), context: RequestContext(),
                            timeout: .milliseconds(200))
                    }
                }
                try bench.require(.now >= deadline, "it failed before its deadline.")
            }
        },
        DriverLaw("A call on a connection that is not running fails at its deadline, certainly not sent", .failures) {
            bench in
            let client = bench.makeClient(on: try bench.makeConnection())
            try await bench.within("the failure of a call without run()") {
                try await bench.requireRPCError(.unavailable, from: "a call without run()") {
                    try await client.call(
                        LawBench.Interface.echo, .init(text: ""), context: RequestContext(), timeout: .milliseconds(50))
                }
            }
        },
    ]

    private struct Private: Error, CustomStringConvertible {
        let description = "hush"
    }
}
