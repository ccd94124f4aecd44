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

    /// What the peer sends, until it or we end the connection, or it sends what is no frame. For one caller.
    func frames() -> AsyncStream<Frame> {
        let (frames, source) = AsyncStream.makeStream(of: Frame.self)
        Thread.detachNewThread {
            while let frame = self.readFrame() { source.yield(frame) }
            self.shut()
            source.finish()
        }
        return frames
    }

    /// Sends a frame behind those before. A connection that is lost ends ``frames()``.
    func send(_ frame: Frame) {
        writes.async {
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
