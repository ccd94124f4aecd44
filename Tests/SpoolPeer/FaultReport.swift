/// What peers said, what was found afterwards, and whether both agree.
struct FaultReport {
    /// In the order in which they were written: those of a rival begin with `rival`.
    let lines: [String]
    /// What a start found in the queue, and how often each had been delivered.
    let found: [(name: String, attempt: Int)]
    /// What lies in `dead/`.
    let buried: Set<String>
    /// What was accepted before.
    var given: [String] = []
    /// How often one message may be found.
    var copies = 1

    private func named(_ event: String) -> Set<String> {
        Set(
            lines.compactMap { line in
                let words = line.split(separator: " ").filter { $0 != "rival" }
                return words.count > 1 && words[0] == event ? String(words[1]) : nil
            })
    }

    /// What is wrong; `nil` when nothing is.
    var problem: String? {
        let arrived = Dictionary(found.map { ($0.name, 1) }, uniquingKeysWith: +)
        let settled = named("settled")
        // Said before it was done: from there on the message may be gone.
        let settling = named("accepting")
        for name in given + named("accepted").sorted() {
            if arrived[name] != nil || buried.contains(name) || settling.contains(name) { continue }
            return "\(name) was lost; the peer said \(lines)"
        }
        for name in settled.sorted() where arrived[name] != nil {
            return "\(name) was settled and came back; the peer said \(lines)"
        }
        for name in named("discarding") where settled.contains(name) && !buried.contains(name) {
            return "\(name) is not in dead/"
        }
        if let (name, count) = arrived.first(where: { $0.value > copies }) {
            return "\(name) arrived \(count) times"
        }
        for (name, attempt) in found where named("got").contains(name) && attempt < 2 {
            return "\(name) was delivered before and is not marked; the peer said \(lines)"
        }
        return sharing
    }

    /// Whether a message was with two live consumers at once.
    private var sharing: String? {
        var holders: [String: String] = [:]
        // Who lost a message to the other without giving it up; alive, they would go on talking.
        var robbed: Set<String> = []
        var settled: Set<String> = []
        for line in lines {
            var words = line.split(separator: " ").map(String.init)
            let who = words.first == "rival" ? words.removeFirst() : "peer"
            if robbed.contains(who) { return "\(who) lives, and the other had its message; they said \(lines)" }
            guard words.count > 1 else { continue }
            let name = words[1]
            if name == "stop" { continue }
            switch words[0] {
            case "got":
                if settled.contains(name) { return "\(name) was settled and delivered; they said \(lines)" }
                if let holder = holders[name], holder != who { robbed.insert(holder) }
                if holders[name] != nil, words.last == "1" { return "\(name) is not marked; they said \(lines)" }
                holders[name] = who
            case "accepting", "discarding", "releasing", "unsettled": holders[name] = nil
            case "settled":
                settled.insert(name)
            default: break
            }
        }
        return nil
    }
}
