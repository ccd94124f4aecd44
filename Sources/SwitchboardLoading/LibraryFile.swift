import CSwitchboardABI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The file of a driver, looked at before anything of it is loaded.
struct LibraryFile {
    private static let largestFile = 1 << 30

    private let path: String
    private let bytes: [UInt8]

    init(_ path: String) throws(DriverLibraryError) {
        self.path = path
        var status = stat()
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw DriverLibraryError(.unreadable, "\(path) cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw DriverLibraryError(.unreadable, "\(path) is no file: give the path of the driver's shared library.")
        }
        // Read whole, so that one byte beyond what any driver has would take the memory of as much.
        guard let size = Int(exactly: status.st_size), (0...Self.largestFile).contains(size) else {
            throw DriverLibraryError(
                .notALibrary, "\(path) has \(status.st_size) bytes, which is more than any driver has.")
        }
        bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let received = read(descriptor, buffer.baseAddress! + count, size - count)
                if received < 0, errno == EINTR { continue }
                guard received > 0 else { break }
                count += received
            }
        }
        try checkWhole()
    }

    /// The tag that the driver's compiler left in it.
    func tag() throws(DriverLibraryError) -> String {
        let tag: String? = bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while let place = Self.place(of: SWITCHBOARD_ABI_PREFIX, in: rest) {
                rest = rest[place...]
                let text = rest.prefix(1024).prefix { $0 != 0 }
                // What looks for tags, this here, has a beginning of one in it.
                if text.count > SWITCHBOARD_ABI_PREFIX.utf8.count { return String(decoding: text, as: UTF8.self) }
                rest = rest.dropFirst()
            }
            return nil
        }
        guard let tag else {
            throw DriverLibraryError(
                .noTag,
                "\(path) is no driver of Switchboard: it has no tag. A driver has a function switchboard_driver_info "
                    + "that returns driverLibraryInfo().")
        }
        return tag
    }

    private static func place(of needle: String, in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        let part = UnsafeRawBufferPointer(rebasing: bytes)
        guard let start = part.baseAddress, let found = switchboard_find(start, part.count, needle) else { return nil }
        return bytes.startIndex + (found - start)
    }

    /// The loader maps a library that was cut short without a look, and the process dies when it touches what is missing.
    private func checkWhole() throws(DriverLibraryError) {
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw DriverLibraryError(.notALibrary, "\(path) is no shared library (it is no ELF file).")
        }
        let damaged = DriverLibraryError(
            .damaged, "\(path) is a shared library that was cut short (\(bytes.count) bytes): copy it again.")
        // 64 bits, least significant byte first.
        guard bytes.count >= 64 else { throw damaged }
        guard bytes[4] == 2, bytes[5] == 1 else {
            throw DriverLibraryError(.notALibrary, "\(path) is a library for another kind of machine.")
        }
        guard let table = number(at: 32, 8), let entry = number(at: 54, 2), let count = number(at: 56, 2) else {
            throw damaged
        }
        for index in 0..<count {
            let (place, overflow) = table.addingReportingOverflow(index * entry)
            guard !overflow, let type = number(at: place, 4) else { throw damaged }
            guard type == 1 else { continue }
            guard let offset = number(at: place + 8, 8), let size = number(at: place + 32, 8) else { throw damaged }
            let (end, isTooFar) = offset.addingReportingOverflow(size)
            guard !isTooFar, end <= UInt64(bytes.count) else { throw damaged }
        }
    }

    private func number(at place: UInt64, _ size: UInt64) -> UInt64? {
        guard place <= UInt64(bytes.count), UInt64(bytes.count) - place >= size else { return nil }
        return bytes[Int(place)..<Int(place + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
