import CSwitchboardABI
public import SwitchboardCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A driver in a shared library, taken into a running program. For ELF systems.
///
/// An extra: the main road is to link a driver and to name it in the registry. Swift has no stable binary interface on
/// Linux, so such a library works with the toolchain and the core that it was built with and no other; that is checked
/// before anything of it is loaded. Host and driver both depend on the product `SwitchboardDynamic`, and on no other
/// product of Switchboard or swift-log: the process must have one core.
///
///     var drivers = DriverRegistry(.inProcess())
///     try DriverLibrary.load("/usr/lib/app/libMyDriver.so", into: &drivers)
public enum DriverLibrary {
    /// Loads the library at a path and registers its plug-ins. It stays loaded for as long as the process lives.
    ///
    /// A library is trusted code: what it does when it is loaded nobody can undo.
    public static func load(_ path: String, into registry: inout DriverRegistry) throws(DriverLibraryError) {
        let file = try LibraryFile(path)
        try compare(try file.tag(), with: String(cString: switchboard_abi_tag()), path)
        // A name without a slash would be looked for elsewhere than where the tag was read.
        guard let handle = dlopen(path.contains("/") ? path : "./\(path)", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            throw DriverLibraryError(.notLoadable, "\(path) cannot be loaded: \(lastError()).")
        }
        try check(try info(in: handle, path), path)
        var schemes = registry.schemes
        let plugins = try plugins(in: handle, path)
        for scheme in plugins.flatMap(\.schemes) {
            guard !schemes.contains(scheme) else {
                throw DriverLibraryError(.schemeTaken, "\(path) serves \(scheme)://, which is served already.")
            }
            schemes.append(scheme)
        }
        for plugin in plugins { registry.register(plugin) }
    }

    private static func compare(_ tag: String, with own: String, _ path: String) throws(DriverLibraryError) {
        guard tag != own else { return }
        let (theirs, ours) = (tag.split(separator: ";"), own.split(separator: ";"))
        let differs = theirs.count == ours.count && theirs[1] == ours[1] ? "toolchain" : "revision of the core"
        throw DriverLibraryError(
            .otherABI,
            "\(path) was built with another \(differs) than this program, and was not loaded: build both with the same. "
                + "Its tag: \(tag) This program's: \(own)")
    }

    private static func info(
        in handle: UnsafeMutableRawPointer, _ path: String
    ) throws(DriverLibraryError) -> switchboard_driver_info_t {
        typealias Function = @convention(c) () -> switchboard_driver_info_t
        return unsafeBitCast(try entry("switchboard_driver_info", in: handle, path), to: Function.self)()
    }

    private static func check(_ info: switchboard_driver_info_t, _ path: String) throws(DriverLibraryError) {
        let own = driverLibraryInfo()
        guard info.core == own.core else {
            throw DriverLibraryError(
                .secondCore,
                "\(path) brings a core of its own, so that nothing of it would be known here: link it with the product "
                    + "SwitchboardDynamic, and with no other product of Switchboard.")
        }
        try compare(String(cString: info.tag), with: String(cString: own.tag), path)
        guard info.layout == own.layout else {
            throw DriverLibraryError(
                .otherLayout,
                "\(path) was built with a core whose types have other sizes, though its revision is the same "
                    + "(\(SWITCHBOARD_ABI_REVISION)): build it anew.")
        }
    }

    private static func plugins(
        in handle: UnsafeMutableRawPointer, _ path: String
    ) throws(DriverLibraryError) -> [DriverPlugin] {
        typealias Function = @convention(c) (UnsafeMutableRawPointer) -> Void
        let function = unsafeBitCast(try entry("switchboard_driver_register", in: handle, path), to: Function.self)
        let registrar = DriverRegistrar()
        withExtendedLifetime(registrar) { function(Unmanaged.passUnretained($0).toOpaque()) }
        guard !registrar.plugins.isEmpty else {
            throw DriverLibraryError(.registersNothing, "\(path) is a driver that registers no plug-in.")
        }
        return registrar.plugins
    }

    private static func entry(
        _ name: String, in handle: UnsafeMutableRawPointer, _ path: String
    ) throws(DriverLibraryError) -> UnsafeMutableRawPointer {
        guard let symbol = dlsym(handle, name) else {
            throw DriverLibraryError(.noEntry, "\(path) has no function \(name), which every driver has.")
        }
        return symbol
    }

    private static func lastError() -> String {
        dlerror().map { String(cString: $0) } ?? "the system does not say why"
    }
}
