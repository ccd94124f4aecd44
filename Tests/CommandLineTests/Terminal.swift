import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A pseudo-terminal, as somebody sits at.
final class Terminal {
    private let master: Int32
    /// What a program writes to.
    let input: FileHandle

    init() throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // What unlockpt and ptsname do, which Glibc shows to programs in C only.
        let (lock, number): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
        var isLocked: Int32 = 0
        var index: Int32 = -1
        try #require(ioctl(master, lock, &isLocked) == 0 && ioctl(master, number, &index) == 0)
        input = try #require(FileHandle(forWritingAtPath: "/dev/pts/\(index)"))
    }

    deinit {
        close(master)
    }

    /// Gives it another size, as somebody who draws at a window's corner.
    func resize(columns: UInt16, rows: UInt16) throws {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
    }

    /// Shows what a program writes until that is what is waited for, or for 30 seconds.
    func show(until isEnough: (String) -> Bool) -> String {
        let deadline = ContinuousClock.now + .seconds(30)
        var shown = ""
        while !isEnough(shown), ContinuousClock.now < deadline {
            var turns = 2
            shown += show(while: {
                turns -= 1
                return turns > 0
            })
        }
        return shown
    }

    /// Shows what a program writes, for as long as it runs.
    func show(while isRunning: () -> Bool) -> String {
        var shown: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var descriptor = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            let isLast = !isRunning()
            if poll(&descriptor, 1, isLast ? 0 : 50) > 0, descriptor.revents & Int16(POLLIN) != 0 {
                let count = read(master, &buffer, buffer.count)
                if count > 0 { shown += buffer[..<count] }
            } else if isLast {
                return String(decoding: shown, as: UTF8.self)
            }
        }
    }
}
