public import SwitchboardCore

/// Where a cell's messages go.
public enum CellQueue: Hashable, Sendable {
    /// The cell has no queue. Sending it a message is an error.
    case none
    case url(TransportURL)
}

extension CellMapping {
    /// The meaning of the stored URL, with its template filled in from `base`.
    ///
    /// Only the scheme `none` means no queue; Nova accepts every scheme that begins with it (D6). An empty or missing
    /// URL is an error; Nova silently uses the process's own queue (D5). Throws ``CellError/Code/badURL``, naming the
    /// cell and the variable.
    public func queue(base: BaseURLs = BaseURLs()) throws(CellError) -> CellQueue {
        guard let transportURL, !transportURL.isEmpty else {
            throw bad("has no transport URL", "Store one, or none:/// if it is to have no queue.")
        }
        let secret: Secret
        do {
            secret = try transportURL.rendered(from: base.transport)
        } catch {
            throw bad("has a transport URL that cannot be filled in", error.description, cause: error)
        }
        var text = secret.reveal()
        if text.hasSuffix("#") {
            // What a template leaves that ends in `#{fragment}`.
            text.removeLast()
        }
        do {
            let url = try TransportURL(text)
            return url.scheme == "none" ? .none : .url(url)
        } catch {
            throw bad("has a transport URL that cannot be used", error.message, cause: error)
        }
    }

    /// The database's URL, with its template filled in from `base`; `nil` if the cell has none.
    public func database(base: BaseURLs = BaseURLs()) throws(CellError) -> Secret? {
        guard let databaseConnection, !databaseConnection.isEmpty else { return nil }
        do {
            return try databaseConnection.rendered(from: base.database)
        } catch {
            throw bad("has a database connection that cannot be filled in", error.description, cause: error)
        }
    }

    private func bad(_ what: String, _ why: String, cause: (any Error)? = nil) -> CellError {
        CellError(.badURL, "The cell \(identity) \(what). \(why)", cell: identity, cause: cause)
    }
}
