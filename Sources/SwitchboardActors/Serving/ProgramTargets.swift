import CSwitchboardActors

/// The distributed methods of this program, by their identifiers: what Swift's compiler has listed for the runtime.
///
/// The runtime reads an identifier's types before it looks the method up, and traps over some that no compiler has made
/// (Swift 6.3). So it sees none but these.
enum ProgramTargets {
    /// Empty on platforms without such a list.
    static let identifiers: Set<String> = {
        var identifiers: Set<String> = []
        var index = 0
        while let name = switchboard_distributed_target(index) {
            identifiers.insert(String(cString: name))
            index += 1
        }
        return identifiers
    }()
}
