extension CellConnectionPool {
    /// What a cell's mapping was resolved to.
    struct Resolution {
        /// What the directory said of the cell, last.
        enum Standing {
            case inUse, disabled, deleted
        }

        var standing = Standing.inUse
        let at = ContinuousClock.now
        /// As stored in the directory.
        let stored: URLTemplate?
        let name: String?
        /// What the cell is called in errors and logs.
        let title: String
        let queue: CellQueue
        /// Whether the directory has the cell; one that was made by hand is not looked for there.
        let isListed: Bool
        /// Former values of ``stored``, the newest last. A mapping that somebody still holds may have one of them.
        let superseded: [URLTemplate?]
        /// Why the mapping cannot be used. Kept, so that a former one is not used in its stead.
        var fault: CellError?
        var connectionID: UInt64?
    }
}

extension CellConnectionPool {
    /// A cell that is mapped to a queue that refused us, or to what cannot be used.
    struct Outage {
        let title: String
        let error: any Error
        let since: Instant
    }

    /// The cells in use that have no connection because they cannot have one.
    func outages(now: Instant) -> [Outage] {
        cells.values.compactMap { cell in
            guard cell.connectionID == nil, cell.standing == .inUse else { return nil }
            if let fault = cell.fault { return Outage(title: cell.title, error: fault, since: cell.at) }
            guard case .url(let url) = cell.queue, let refusal = refusals[url], refusal.until > now else { return nil }
            return Outage(title: cell.title, error: refusal.error, since: refusal.at)
        }
    }
}

extension CellConnectionPool.Resolution {
    /// What a mapping means, where `former` was known of its cell before.
    init(_ cell: CellMapping, to queue: CellQueue, after former: Self?) {
        self.init(
            stored: cell.transportURL, name: cell.name, title: "\(cell.identity)", queue: queue,
            isListed: cell.rowID != nil || former?.isListed == true,
            superseded: former?.superseded(by: cell.transportURL) ?? [])
    }

    /// What is known of a cell whose mapping cannot be read any more.
    func unreadable(_ error: CellError) -> Self {
        Self(
            stored: nil, name: name, title: title, queue: .none, isListed: isListed, superseded: superseded(by: nil),
            fault: error)
    }

    private func superseded(by url: URLTemplate?) -> [URLTemplate?] {
        if stored == url { return superseded }
        var urls = superseded
        urls.removeAll { $0 == url }
        urls.append(stored)
        if urls.count > 4 { urls.removeFirst() }
        return urls
    }

    /// The connection and the title of a mapping that is the present one and has a connection. Mutating, as a
    /// dictionary gives its values without a copy only so.
    mutating func inUse(for cell: CellMapping) -> (connectionID: UInt64, title: String)? {
        guard let connectionID, case .inUse = standing, stored == cell.transportURL, name == cell.name else {
            return nil
        }
        return (connectionID, title)
    }

    /// Whether it says what becomes of a mapping: it is the same, or an older one of its cell that somebody holds.
    func stands(for cell: CellMapping, isFresh: Bool) -> Bool {
        if stored == cell.transportURL { return name == cell.name }
        // One that was looked up just now is no older one, whatever was so before: the cell may have moved back.
        return !isFresh && superseded.contains(cell.transportURL)
    }
}
