#if MariaDB
    #if canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #else
        internal import Darwin
    #endif

    /// A thread of our own, for calls that block: none of those that Swift's tasks share may wait for a server.
    enum BlockingThread {
        private final class Body {
            let run: @Sendable () -> Void

            init(_ run: @escaping @Sendable () -> Void) {
                self.run = run
            }
        }

        /// - Returns: the system's error number if it has no thread left; 0 if it was started.
        static func start(_ body: @escaping @Sendable () -> Void) -> CInt {
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
            #if canImport(Darwin)
                var thread: pthread_t?
            #else
                var thread = pthread_t()
            #endif
            let context = Unmanaged.passRetained(Body(body))
            let result = pthread_create(
                &thread, &attributes,
                { raw in
                    // Writing to a connection that is gone is an error here, and no reason to end the program.
                    var signals = sigset_t()
                    sigemptyset(&signals)
                    sigaddset(&signals, SIGPIPE)
                    pthread_sigmask(SIG_BLOCK, &signals, nil)
                    #if canImport(Darwin)
                        Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
                    #else
                        if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
                    #endif
                    return nil
                }, context.toOpaque())
            if result != 0 { context.release() }
            return result
        }
    }
#endif
