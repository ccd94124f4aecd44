#if RabbitMQ
    import Foundation
    import NIOCore
    import NIOHTTP1
    import NIOPosix
    import SwitchboardCore
    import SwitchboardMessaging

    #if TLS
        import NIOSSL
    #endif

    /// Why the management API said nothing: a clause. It never holds a secret.
    struct ManagementError: Error, Hashable {
        let reason: String

        init(_ reason: String) {
            self.reason = Secret.masked(in: reason)
        }
    }

    /// Asks RabbitMQ's management API, one question a connection.
    ///
    /// On SwiftNIO, and not Foundation's URLSession, which would make the program depend on libcurl, also when it is linked statically.
    struct ManagementAPI: Sendable {
        /// What the API tells of a queue.
        struct Queue: Hashable, Sendable {
            var unacknowledged: Int
            /// Whether messages of it were acknowledged in the last seconds; `nil` when the API has no numbers of it.
            var isAcknowledging: Bool?
            /// Of the message at its head, in seconds since 1970.
            var headTimestamp: Double?
        }

        let address: ManagementAddress
        private let username: String
        private let password: Secret
        private let timeout: Duration
        /// As for AMQP: a broker's two ports mostly have one certificate.
        private let authorityFile: String?

        /// The user is the URL's unless the environment names another.
        init(_ address: ManagementAddress, of url: TransportURL, timeout: Duration) {
            self.address = address
            let host = url.hosts.first { $0.username != nil }
            username = environment("SWITCHBOARD_MANAGEMENT_USER") ?? host?.username ?? "guest"
            password = environment("SWITCHBOARD_MANAGEMENT_PASSWORD").map { Secret($0) } ?? host?.password ?? "guest"
            self.timeout = timeout
            authorityFile = url.options.first { $0.name == "ssl_ca_file" && !$0.value.isEmpty }?.value
        }

        /// The queue; `nil` when there is none of that name.
        func queue(_ name: String, in virtualHost: String) async throws(ManagementError) -> Queue? {
            guard let answer = try await get("/api/queues/\(Self.escaped(virtualHost))/\(Self.escaped(name))") else {
                return nil
            }
            let rate = answer["message_stats"]?["ack_details"]?["rate"]
            return Queue(
                unacknowledged: Int(answer["messages_unacknowledged"]?.integer ?? 0),
                isAcknowledging: rate?.seconds.map { $0 > 0 } ?? (answer["message_stats"] == nil ? nil : false),
                headTimestamp: answer["head_message_timestamp"]?.seconds)
        }

        /// How far the broker's clock is from this machine's, in seconds; what is within a second, which is all that HTTP tells, is 0.
        func clockSkew(now: @Sendable () -> Double) async throws(ManagementError) -> Double {
            let before = now()
            let response = try await respond(to: "/api/whoami")
            let after = now()
            guard let theirs = response.date else { throw ManagementError("the management API tells no time") }
            // Theirs is the begin of a second.
            if theirs + 1 < before { return before - theirs - 1 }
            return max(0, theirs - after)
        }

        /// The answer; `nil` where there is no such thing (404).
        func get(_ path: String) async throws(ManagementError) -> JSONValue? {
            let response = try await respond(to: path)
            switch response.status {
            case 200: break
            case 404: return nil
            case 401, 403:
                throw ManagementError(
                    "the management API at \(address.text) refuses \(username) (\(response.status)): it wants a user with the tag "
                        + "monitoring")
            default: throw ManagementError("the management API at \(address.text) answered with \(response.status)")
            }
            do {
                return try JSONValue(parsing: response.body)
            } catch {
                throw ManagementError("the management API at \(address.text) answered with something that isn't JSON")
            }
        }

        /// Changes something.
        func put(_ path: String, _ value: JSONValue) async throws(ManagementError) {
            let status = try await respond(to: path, putting: Array("\(value)".utf8)).status
            switch status {
            case 200..<300: return
            case 401, 403:
                throw ManagementError(
                    "the management API at \(address.text) refuses \(username) (\(status)): it wants a user with the tag "
                        + "administrator")
            default: throw ManagementError("the management API at \(address.text) answered with \(status)")
            }
        }

        /// A part of a path.
        static func escaped(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        }

        private func respond(
            to path: String, putting body: [UInt8]? = nil
        ) async throws(ManagementError) -> HTTPCollector.Response {
            let token = Data("\(username):\(password.reveal())".utf8).base64EncodedString()
            var head = HTTPRequestHead(
                version: .http1_1, method: body == nil ? .GET : .PUT, uri: path,
                headers: [
                    "Host": "\(address.host):\(address.port)", "Authorization": "Basic \(token)",
                    "Accept": "application/json",
                    "Connection": "close",
                ])
            if let body {
                head.headers.add(name: "Content-Type", value: "application/json")
                head.headers.add(name: "Content-Length", value: "\(body.count)")
            }
            let request = head
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let promise = eventLoop.makePromise(of: HTTPCollector.Response.self)
            let late = ManagementError("the management API at \(address.text) did not answer in time")
            let limit = TimeAmount.nanoseconds(Int64(min(timeout, .seconds(3600)) / .nanoseconds(1)))
            let timer = eventLoop.scheduleTask(in: limit) { promise.fail(late) }
            let connecting = ClientBootstrap(group: eventLoop).connectTimeout(limit)
                .channelInitializer { [address, authorityFile] channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        #if TLS
                            if address.usesTLS {
                                var configuration = TLSConfiguration.makeClientConfiguration()
                                if let authorityFile { configuration.trustRoots = .file(authorityFile) }
                                let context = try NIOSSLContext(configuration: configuration)
                                let isIP = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
                                try pipeline.addHandler(
                                    NIOSSLClientHandler(context: context, serverHostname: isIP ? nil : address.host))
                            }
                        #endif
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(HTTPCollector(request, body ?? [], promise))
                    }
                }
                .connect(host: address.host, port: address.port)
            connecting.whenFailure { promise.fail($0) }
            defer {
                timer.cancel()
                connecting.whenSuccess { $0.close(promise: nil) }
            }
            do {
                return try await promise.futureResult.get()
            } catch {
                throw error as? ManagementError
                    ?? ManagementError("the management API at \(address.text) can't be reached: \(error)")
            }
        }
    }

    extension JSONValue {
        /// A number, whichever kind it is.
        fileprivate var seconds: Double? {
            if let integer { return Double(integer) }
            if case .double(let double) = self { return double }
            if case .number(let number) = self { return Double(number.description) }
            return nil
        }
    }
#endif
