/// Where the next page of a listing begins.
public struct PageToken: Hashable, Sendable {
    /// The directory's own number of the last mapping of the page before.
    public let position: Int64

    public init(position: Int64) {
        self.position = position
    }
}

/// A part of a listing.
public struct Page<Element: Sendable>: Sendable {
    public var elements: [Element]
    /// Where the next page begins; `nil` on the last page.
    public var next: PageToken?

    public init(_ elements: [Element], next: PageToken?) {
        self.elements = elements
        self.next = next
    }
}

extension CellDirectory {
    /// All matching instance mappings, read page by page. Needs memory for one page, however many there are.
    public func instanceMappings(matching filter: InstanceFilter = .all) -> PagedMappings<InstanceMapping> {
        PagedMappings { token, limit throws(CellError) in
            try await instanceMappings(matching: filter, after: token, limit: limit)
        }
    }

    /// All host mappings of one cell or of all cells, read page by page.
    public func hostMappings(in cell: CellID? = nil) -> PagedMappings<HostMapping> {
        PagedMappings { token, limit throws(CellError) in
            try await hostMappings(in: cell, after: token, limit: limit)
        }
    }
}

/// A listing that is read page by page during iteration. Iterating again reads it again.
///
/// Each page is a snapshot of its own: a change during the iteration may be visible or not, but no mapping comes twice.
public struct PagedMappings<Element: Sendable>: AsyncSequence, Sendable {
    public typealias Failure = CellError

    private let loadPage: @Sendable (PageToken?, Int) async throws(CellError) -> Page<Element>

    /// How many mappings a page has.
    public var pageSize = 500

    fileprivate init(_ loadPage: @escaping @Sendable (PageToken?, Int) async throws(CellError) -> Page<Element>) {
        self.loadPage = loadPage
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(loadPage: loadPage, pageSize: pageSize)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let loadPage: @Sendable (PageToken?, Int) async throws(CellError) -> Page<Element>
        fileprivate let pageSize: Int
        private var page: ArraySlice<Element> = []
        private var next: PageToken?
        private var isAtEnd = false

        fileprivate init(
            loadPage: @escaping @Sendable (PageToken?, Int) async throws(CellError) -> Page<Element>, pageSize: Int
        ) {
            self.loadPage = loadPage
            self.pageSize = pageSize
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(CellError) -> Element? {
            while page.isEmpty {
                if isAtEnd { return nil }
                let loaded = try await loadPage(next, pageSize)
                page = loaded.elements[...]
                next = loaded.next
                isAtEnd = loaded.next == nil
            }
            return page.removeFirst()
        }
    }
}
