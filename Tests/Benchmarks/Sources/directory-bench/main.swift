// What look-ups in Nova's tables on MariaDB cost.
//   directory-bench fill URL ROWS CELLS         makes the tables, CELLS cells and ROWS instances
//   directory-bench lookup URL ROWS TASKS N     N look-ups at random, by TASKS tasks
// URL is as Nova's configuration has it. Prints figures.

#if MariaDB
    import BenchSupport
    import Glibc
    import SwitchboardCells
    import SwitchboardMariaDB

    prepareOutput()

    func instance(_ number: Int) -> String {
        let digits = String(number)
        return "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    func fill(_ url: String, rows: Int, cells: Int) async throws {
        var configuration = MariaDBConfiguration()
        configuration.createsIfMissing = true
        let directory = try MariaDBCellDirectory(url, configuration: configuration)
        var ids: [CellID] = []
        for number in 0..<cells {
            let cell = CellMapping(
                id: .random(), name: "cell\(number)",
                transportURL: URLTemplate("rabbit://nova:secret@queue\(number)/cell"),
                databaseConnection: URLTemplate("mysql+pymysql://nova:secret@database\(number)/nova"))
            ids.append(try await directory.createCell(cell).id)
        }
        let batch = 2000
        for first in stride(from: 0, to: rows, by: batch) {
            try await directory.mapInstances(
                (first..<min(rows, first + batch)).map {
                    InstanceMapping(
                        instanceUUID: instance($0), cell: ids[$0 % cells], projectID: "p\($0 % 100)", userID: "u")
                })
        }
    }

    func lookup(_ url: String, rows: Int, tasks: Int, _ count: Int) async throws {
        let directory = try MariaDBCellDirectory(url)
        // As many connections as there are, and statements prepared.
        _ = try await measure(max(200, tasks), outstanding: tasks) {
            _ = try await directory.location(ofInstance: instance(Int.random(in: 0..<rows)))
        }
        try await measure(count, outstanding: tasks) {
            _ = try await directory.location(ofInstance: instance(Int.random(in: 0..<rows)))
        }
        .report()
    }

    let words = Array(CommandLine.arguments.dropFirst())
    let numbers = words.dropFirst(2).compactMap { Int($0) }
    switch (words.first, numbers.count) {
    case ("fill", 2): try await fill(words[1], rows: numbers[0], cells: numbers[1])
    case ("lookup", 3): try await lookup(words[1], rows: numbers[0], tasks: numbers[1], numbers[2])
    default:
        say("usage: directory-bench fill URL ROWS CELLS | lookup URL ROWS TASKS N")
        exit(2)
    }
#else
    import BenchSupport
    import Glibc

    complain("directory-bench needs the trait MariaDB.")
    exit(2)
#endif
