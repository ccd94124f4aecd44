internal import Glibc

/// The kernel's reports of what happens in directories. Advisory: whoever uses them also rescans.
package final class Inotify: Sendable {
    package struct Event: Sendable {
        package var watch: CInt
        package var mask: UInt32
        package var name: String

        /// Events were lost: everything must be looked at.
        package var isOverflow: Bool { mask & UInt32(IN_Q_OVERFLOW) != 0 }
        /// The watched directory is gone.
        package var isGone: Bool { mask & (UInt32(IN_IGNORED) | UInt32(IN_DELETE_SELF)) != 0 }
        /// The watched directory itself has another name now.
        package var isMove: Bool { mask & UInt32(IN_MOVE_SELF) != 0 }
        package var isUnmount: Bool { mask & UInt32(IN_UNMOUNT) != 0 }
        package var isRemoval: Bool { mask & (UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM)) != 0 }
    }

    package let descriptor: CInt

    /// `nil` when the system grants no more of them.
    package init?() {
        descriptor = inotify_init1(CInt(IN_NONBLOCK) | CInt(IN_CLOEXEC))
        if descriptor < 0 { return nil }
    }

    deinit {
        close(descriptor)
    }

    package static let arrivals = UInt32(IN_MOVED_TO) | UInt32(IN_CREATE)
    package static let removals = UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM)
    package static let moves = UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF)
    package static let writes = UInt32(IN_MODIFY)
    package static let writersGone = UInt32(IN_CLOSE_WRITE)

    /// Watches a directory; a second watch of the same one adds its events to the first and has the same number.
    package func watch(_ path: String, _ mask: UInt32) throws(FileError) -> CInt {
        let flags = UInt32(IN_ONLYDIR) | UInt32(IN_DONT_FOLLOW) | UInt32(IN_MASK_ADD)
        let watch = inotify_add_watch(descriptor, path, mask | flags)
        // ENOSPC is not about the disk here: all watches that the system grants are taken.
        if watch < 0, errno == ENOSPC { throw FileError("watch \(path) (raise fs.inotify.max_user_watches)", EMFILE) }
        if watch < 0 { throw FileError("watch \(path)", errno) }
        return watch
    }

    package func forget(_ watch: CInt) {
        inotify_rm_watch(descriptor, watch)
    }

    /// All events there are now.
    package func events() -> [Event] {
        var events: [Event] = []
        let capacity = 64 * 1024
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
        defer { buffer.deallocate() }
        // What does not fill the buffer was all: a second read would only say so.
        let longest = MemoryLayout<inotify_event>.size + Int(NAME_MAX) + 1
        var count = capacity
        while count > capacity - longest, let start = buffer.baseAddress {
            count = read(descriptor, start, capacity)
            if count <= 0 { break }
            var position = 0
            while position + MemoryLayout<inotify_event>.size <= count {
                let header = buffer.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
                position += MemoryLayout<inotify_event>.size
                let name = buffer[position..<min(count, position + Int(header.len))].prefix { $0 != 0 }
                position += Int(header.len)
                events.append(
                    Event(watch: header.wd, mask: header.mask, name: String(decoding: name, as: UTF8.self)))
            }
        }
        return events
    }
}
