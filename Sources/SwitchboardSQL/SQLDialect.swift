/// What differs between the kinds of databases in the statements that they share.
package struct SQLDialect: Sendable {
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

    /// MariaDB and MySQL.
    package static let mariaDB = SQLDialect(lockingRead: " FOR UPDATE", quote: "`", unindexed: "", fractionDigits: 0)

    package func quoted(_ name: String) -> String { "\(quote)\(name)\(quote)" }
}
