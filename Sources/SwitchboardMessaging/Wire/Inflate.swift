/// Decompresses zlib streams (RFC 1950, RFC 1951): what kombu sends under the name of gzip (oslo-wire.md §3.5).
///
/// Total: any bytes give bytes or a ``WireError``, and no more bytes than the limit, however well they are compressed.
struct Inflate {
    private let input: [UInt8]
    private let limit: Int
    private var position = 2
    private var bits: UInt64 = 0
    private var bitCount = 0
    private var output: [UInt8] = []

    /// The bytes that the stream `input` stands for.
    static func zlib(_ input: [UInt8], limit: Int = 64 * 1024 * 1024) throws(WireError) -> [UInt8] {
        guard input.count >= 6, input[0] & 0x0F == 8, input[0] >> 4 <= 7,
            (Int(input[0]) << 8 | Int(input[1])) % 31 == 0, input[1] & 0x20 == 0
        else { throw WireError("The compressed body does not begin as a zlib stream does.") }
        var stream = Inflate(input: input, limit: limit)
        while try !stream.block() {}
        try stream.checksum()
        return stream.output
    }

    private init(input: [UInt8], limit: Int) {
        self.input = input
        self.limit = limit
        output.reserveCapacity(min(limit, input.count * 4))
    }

    // MARK: Blocks

    /// Reads a block. `true` when it was the last.
    private mutating func block() throws(WireError) -> Bool {
        let isLast = try take(1) == 1
        switch try take(2) {
        case 0: try stored()
        case 1: try compressed(.fixedLiterals, .fixedDistances)
        case 2:
            let (literals, distances) = try codes()
            try compressed(literals, distances)
        default: throw WireError("The compressed body has a block of an unknown kind.")
        }
        return isLast
    }

    private mutating func stored() throws(WireError) {
        // Whole bytes that were read ahead go back; the rest of the current one is padding.
        position -= bitCount / 8
        (bits, bitCount) = (0, 0)
        guard input.count - position >= 4 else { throw Self.truncated }
        let length = Int(input[position]) | Int(input[position + 1]) << 8
        let complement = Int(input[position + 2]) | Int(input[position + 3]) << 8
        guard length == ~complement & 0xFFFF else { throw WireError("The compressed body has a damaged block.") }
        position += 4
        guard input.count - position >= length else { throw Self.truncated }
        try makeRoom(length)
        output.append(contentsOf: input[position..<position + length])
        position += length
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]

    private mutating func compressed(_ literals: Code, _ distances: Code) throws(WireError) {
        while true {
            let symbol = try take(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                try makeRoom(1)
                output.append(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengthBases.count else { throw Self.damaged }
            let length = Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
            let code = try take(distances)
            guard code < Self.distanceBases.count else { throw Self.damaged }
            let distance = Self.distanceBases[code] + (try take(code < 2 ? 0 : code / 2 - 1))
            guard distance <= output.count else { throw Self.damaged }
            try makeRoom(length)
            // One by one: what is copied may be what was copied.
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    /// Reads the two codes that a block brings along.
    private mutating func codes() throws(WireError) -> (literals: Code, distances: Code) {
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var lengthLengths = [Int](repeating: 0, count: order.count)
        for index in 0..<(try take(4)) + 4 { lengthLengths[order[index]] = try take(3) }
        let lengthCode = try Code(lengthLengths)
        var lengths: [Int] = []
        while lengths.count < literalCount + distanceCount {
            let symbol = try take(lengthCode)
            switch symbol {
            case 16:
                guard let last = lengths.last else { throw Self.damaged }
                lengths += [Int](repeating: last, count: 3 + (try take(2)))
            case 17: lengths += [Int](repeating: 0, count: 3 + (try take(3)))
            case 18: lengths += [Int](repeating: 0, count: 11 + (try take(7)))
            default: lengths.append(symbol)
            }
        }
        guard lengths.count == literalCount + distanceCount else { throw Self.damaged }
        return (try Code(Array(lengths[..<literalCount])), try Code(Array(lengths[literalCount...])))
    }

    private func checksum() throws(WireError) {
        let start = position - bitCount / 8
        guard input.count - start >= 4 else { throw Self.truncated }
        var expected: UInt32 = 0
        for byte in input[start..<start + 4] { expected = expected << 8 | UInt32(byte) }
        var (one, two): (UInt32, UInt32) = (1, 0)
        for byte in output {
            one = (one + UInt32(byte)) % 65521
            two = (two + one) % 65521
        }
        guard expected == two << 16 | one else { throw WireError("The compressed body's checksum is wrong.") }
    }

    // MARK: Bits

    private mutating func take(_ count: Int) throws(WireError) -> Int {
        while bitCount < count {
            guard position < input.count else { throw Self.truncated }
            bits |= UInt64(input[position]) << UInt64(bitCount)
            position += 1
            bitCount += 8
        }
        defer {
            bits >>= UInt64(count)
            bitCount -= count
        }
        return Int(bits & (1 << UInt64(count) - 1))
    }

    private mutating func take(_ code: Code) throws(WireError) -> Int {
        var (value, first, index) = (0, 0, 0)
        for length in 1..<code.counts.count {
            value |= try take(1)
            let count = code.counts[length]
            if value - first < count { return code.symbols[index + value - first] }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        throw Self.damaged
    }

    private func makeRoom(_ count: Int) throws(WireError) {
        guard output.count + count <= limit else {
            throw WireError("The compressed body is over \(limit) bytes when it is decompressed.")
        }
    }

    private static let truncated = WireError("The compressed body ends early.")
    private static let damaged = WireError("The compressed body is damaged.")
}

extension Inflate {
    /// A canonical Huffman code: shorter codes come first, those of one length in the order of their symbols.
    fileprivate struct Code {
        /// How many symbols have a code of each length, from 0 to 15 bits.
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int]

        init(_ lengths: [Int]) throws(WireError) {
            for length in lengths { counts[length] += 1 }
            counts[0] = 0
            var left = 1
            for count in counts[1...] {
                left = left << 1 - count
                guard left >= 0 else { throw Inflate.damaged }
            }
            var places = [Int](repeating: 0, count: 16)
            for length in 1..<15 { places[length + 1] = places[length] + counts[length] }
            symbols = [Int](repeating: 0, count: counts.reduce(0, +))
            for (symbol, length) in lengths.enumerated() where length > 0 {
                symbols[places[length]] = symbol
                places[length] += 1
            }
        }

        private init(valid lengths: [Int]) {
            do {
                try self.init(lengths)
            } catch {
                preconditionFailure("The fixed codes of RFC 1951 are valid.")
            }
        }

        static let fixedLiterals = Code(
            valid: [Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112) + [Int](repeating: 7, count: 24)
                + [Int](repeating: 8, count: 8))
        static let fixedDistances = Code(valid: [Int](repeating: 5, count: 30))
    }
}
