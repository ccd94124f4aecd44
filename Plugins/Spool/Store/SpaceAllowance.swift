/// How much may be written before the file system is asked again what it has left: a part of that, for a moment.
struct SpaceAllowance {
    private var bytes: UInt64 = 0
    private var files: UInt64 = 0
    private var end = ContinuousClock.Instant.now

    private static let moment = Duration.milliseconds(10)
    private static let part: UInt64 = 16

    /// Takes room for a message of that size. `false` when the file system is to be asked.
    mutating func take(_ size: UInt64, at now: ContinuousClock.Instant) -> Bool {
        guard now < end, size <= bytes, files > 0 else { return false }
        bytes -= size
        files -= 1
        return true
    }

    /// The file system has so much left beyond what is reserved.
    mutating func renew(bytes: UInt64, files: UInt64, at now: ContinuousClock.Instant) {
        self.bytes = bytes / Self.part
        self.files = files / Self.part
        end = now + Self.moment
    }
}
