internal import Glibc

/// Flags of `open` for files that may be there already.
enum CreateFlags {
    static let writing: CInt = O_WRONLY | O_CREAT
}
