package import SwitchboardCells

/// What differs between the kinds of databases in the statements that they share.
package struct SQLDialect: Hashable, Sendable {
    /// What a read that a write of the same transaction depends on ends with, so that no other transaction comes in between.
    package var lockingRead: String
    /// How a name that is a keyword elsewhere (`binary`) is quoted.
    package var quote: Character
    /// What keeps the planner from using an index on a column where the statement needs the order of the ids.
    package var unindexed: String
    /// How many digits of a second's fraction a time keeps.
    package var fractionDigits: Int

    package init(lockingRead: String, quote: Character, unindexed: String, fractionDigits: Int) {
        self.lockingRead = lockingRead
        self.quote = quote
        self.unindexed = unindexed
        self.fractionDigits = fractionDigits
    }

    /// SQLite: a write takes the whole file for itself before it reads.
    package static let sqlite = SQLDialect(lockingRead: "", quote: "\"", unindexed: "+", fractionDigits: 6)

    /// MariaDB and MySQL. Their index on a column has the ids in order.
    package static let mariaDB = SQLDialect(lockingRead: " FOR UPDATE", quote: "`", unindexed: "", fractionDigits: 0)

    package func quoted(_ name: String) -> String { "\(quote)\(name)\(quote)" }

    /// A time as the database stores it. Digits that it doesn't keep are cut off here, because some databases would round
    /// them, up to a second that hasn't come yet.
    package func text(_ time: MappingTimestamp) -> String {
        let text = time.description
        guard fractionDigits < 6 else { return text }
        return String(text.dropLast(fractionDigits == 0 ? 7 : 6 - fractionDigits))
    }
}
