import Dispatch
import Foundation
import Glibc
import SwitchboardCore
import Synchronization

/// A connected Unix socket that carries frames. Reading and writing block, so no task does either: reading has a thread,
/// since it waits most of the time and Dispatch's few threads are everybody's, and writing has a queue.
final class FrameSocket: Sendable {
    private let descriptor: Int32
    private let writes = DispatchQueue(label: "socket-driver.write")
    private let isShut = Atomic<Bool>(false)

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        // Whoever reads or writes holds on to this object, so the number is nobody else's yet.
        close(descriptor)
    }

    /// Calls `take` with what the peer sends, on a thread of its own, until it or we end the connection, or it sends what
    /// isn't a frame; then `atEnd`. For one caller.
    func receive(_ take: @escaping @Sendable (Frame) -> Void, atEnd: @escaping @Sendable () -> Void) {
        Thread.detachNewThread {
            while let frame = self.readFrame() { take(frame) }
            self.shut()
            atEnd()
        }
    }

    /// The same as a sequence.
    func frames() -> AsyncStream<Frame> {
        let (frames, source) = AsyncStream.makeStream(of: Frame.self)
        receive({ source.yield($0) }, atEnd: { source.finish() })
        return frames
    }

    /// Sends a frame behind those before. A connection that is lost ends ``frames()``.
    func send(_ frame: Frame) {
        send { frame }
    }

    /// Sends a frame that is made when its turn has come; `nil` sends nothing.
    func send(_ frame: @escaping @Sendable () -> Frame?) {
        writes.async {
            guard let frame = frame() else { return }
            var rest = frame.bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return self.shut() }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Ends the connection; who blocks in it returns.
    func shut() {
        if !isShut.exchange(true, ordering: .acquiringAndReleasing) { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Ends the connection when all is sent, or when the time is over.
    func finish(within time: Duration) {
        writes.async { self.shut() }
        let limit = DispatchTime.now() + .milliseconds(Int(clamping: time.wholeMilliseconds))
        DispatchQueue.global().asyncAfter(deadline: limit) { self.shut() }
    }

    private func readFrame() -> Frame? {
        guard let head = read(4) else { return nil }
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        guard length <= Frame.maximumLength, let body = read(length) else { return nil }
        return Frame(body)
    }

    private func read(_ count: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let received = recv(descriptor, buffer.baseAddress! + initialized, count - initialized, 0)
                if received < 0, errno == EINTR { continue }
                guard received > 0 else { return }
                initialized += received
            }
        }
        return bytes.count == count ? bytes : nil
    }
}
