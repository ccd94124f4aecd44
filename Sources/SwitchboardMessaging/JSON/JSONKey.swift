/// A key made from a member's name or an element's place.
enum JSONKey: CodingKey {
    case name(String)
    case number(Int)
    case index(Int)

    init(stringValue: String) { self = .name(stringValue) }
    init(intValue: Int) { self = .number(intValue) }
    init(index: Int) { self = .index(index) }

    var stringValue: String {
        switch self {
        case .name(let name): name
        case .number(let number): "\(number)"
        case .index(let index): "[\(index)]"
        }
    }

    var intValue: Int? {
        switch self {
        case .name: nil
        case .number(let number), .index(let number): number
        }
    }
}
