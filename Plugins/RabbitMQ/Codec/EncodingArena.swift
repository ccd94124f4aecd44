#if RabbitMQ
import CRabbitMQ

/// C memory for the strings and tables of one method, freed together when the method is encoded.
struct EncodingArena: ~Copyable {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit {
        for block in blocks { block.deallocate() }
    }

    mutating func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }

    mutating func bytes(_ source: [UInt8]) -> amqp_bytes_t {
        source.withUnsafeBytes { bytes($0) }
    }

    private mutating func bytes(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        guard !source.isEmpty else { return amqp_bytes_t(len: 0, bytes: nil) }
        let block = UnsafeMutableRawPointer.allocate(byteCount: source.count, alignment: 1)
        blocks.append(block)
        block.copyMemory(from: source.baseAddress!, byteCount: source.count)
        return amqp_bytes_t(len: source.count, bytes: block)
    }

    mutating func table(_ table: FieldTable) -> amqp_table_t {
        guard !table.isEmpty else { return amqp_table_t(num_entries: 0, entries: nil) }
        let entries = UnsafeMutablePointer<amqp_table_entry_t>.allocate(capacity: table.entries.count)
        blocks.append(UnsafeMutableRawPointer(entries))
        for (index, entry) in table.entries.enumerated() {
            var value = amqp_field_value_t()
            switch entry.value {
            case .bool(let bool):
                value.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
                value.value.boolean = bool ? 1 : 0
            case .int32(let number):
                value.kind = UInt8(AMQP_FIELD_KIND_I32.rawValue)
                value.value.i32 = number
            case .int64(let number):
                value.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
                value.value.i64 = number
            case .string(let text):
                value.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
                value.value.bytes = bytes(text)
            case .table(let nested):
                value.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
                value.value.table = self.table(nested)
            }
            (entries + index).initialize(to: amqp_table_entry_t(key: bytes(entry.name), value: value))
        }
        return amqp_table_t(num_entries: Int32(table.entries.count), entries: entries)
    }
}
#endif
