package import SwitchboardSQL

/// A row of a result, copied out of the client library's buffers.
package struct MariaDBRow: SQLRow {
    let values: [SQLValue]

    /// A column that a statement doesn't have reads as NULL.
    package func value(_ column: Int) -> SQLValue {
        values.indices.contains(column) ? values[column] : .null
    }
}
