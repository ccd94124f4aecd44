import Glibc

/// What this process uses.
public enum Usage {
    /// Seconds of processor time, user and system.
    public static var cpuSeconds: Double { cpuSeconds(RUSAGE_SELF) }

    /// The same of the programs that this one has started, and whose end it has seen.
    public static var cpuSecondsOfChildren: Double { cpuSeconds(RUSAGE_CHILDREN) }

    private static func cpuSeconds(_ whose: __rusage_who) -> Double {
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        var usage = rusage()
        getrusage(__rusage_who_t(whose.rawValue), &usage)
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// KiB, the most that there was; `getrusage` has that of the program's parent too.
    public static var peakMemory: Int { status("VmHWM") }

    /// KiB now.
    public static var memory: Int { status("VmRSS") }

    public static var threads: Int { status("Threads") }

    public static var descriptors: Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not itself, `.` and `..`.
        return count - 3
    }

    private static func status(_ name: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split { $0 == ":" || $0 == " " || $0 == "\t" || $0 == "\n" }
            if words.first == name[...], words.count > 1 { return Int(words[1]) ?? 0 }
        }
        return 0
    }
}
