extension [URLTemplate.Piece] {
    /// Repeats what stands for one host in a template for every host of the base URL.
    ///
    /// `{username}:{password}@{hostname}:{port}` with a base of two hosts becomes that text with the numbers 1 and 2, with
    /// a comma between. Nova takes a part of the first host and a part of the last one, which gives all hosts by luck when
    /// the template has exactly these four, and rubbish otherwise.
    func repeatingHosts(count: Int) -> [URLTemplate.Piece] {
        guard count > 1, let authority = splitAuthority() else { return self }
        var result = authority.before
        for (index, entry) in authority.entries.enumerated() {
            if index > 0 { result.append(.literal(",")) }
            guard entry.contains(where: \.isPlainHostname) else {
                result += entry
                continue
            }
            for number in 1...count {
                if number > 1 { result.append(.literal(",")) }
                result += entry.map { $0.numbered(number) }
            }
        }
        return result + authority.after
    }

    /// The pieces up to and with `://`, those of each host, and those from the path or query on.
    private func splitAuthority() -> (
        before: [URLTemplate.Piece], entries: [[URLTemplate.Piece]], after: [URLTemplate.Piece]
    )? {
        var before: [URLTemplate.Piece] = []
        var entries: [[URLTemplate.Piece]] = []
        for (index, piece) in enumerated() {
            guard case .literal(let literal) = piece else {
                if entries.isEmpty {
                    before.append(piece)
                } else {
                    entries[entries.count - 1].append(piece)
                }
                continue
            }
            var text = literal[...]
            if entries.isEmpty {
                guard let end = text.endOfSchemeSeparator else {
                    before.append(piece)
                    continue
                }
                before.append(.literal(String(text[..<end])))
                text = text[end...]
                entries.append([])
            }
            let hosts = text.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            for (number, host) in hosts.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
                if number > 0 { entries.append([]) }
                if !host.isEmpty { entries[entries.count - 1].append(.literal(String(host))) }
            }
            if hosts.endIndex < text.endIndex {
                return (before, entries, [.literal(String(text[hosts.endIndex...]))] + self[(index + 1)...])
            }
        }
        return entries.isEmpty ? nil : (before, entries, [])
    }
}

extension URLTemplate.Piece {
    fileprivate var isPlainHostname: Bool {
        guard case .variable(let variable) = self else { return false }
        return variable.part == .hostname && variable.host == nil
    }

    /// The variable of one host for a plain one.
    fileprivate func numbered(_ number: Int) -> URLTemplate.Piece {
        guard case .variable(var variable) = self, variable.part.isPerHost, variable.host == nil else { return self }
        variable.host = number
        return .variable(variable)
    }
}

extension Substring {
    /// Where `://` ends, in a text that may have it.
    fileprivate var endOfSchemeSeparator: Index? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix("://") { return index(start, offsetBy: 3) }
            start = index(after: start)
        }
        return nil
    }
}
