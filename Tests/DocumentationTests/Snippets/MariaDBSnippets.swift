#if MariaDB
    import SwitchboardCells
    import SwitchboardMariaDB

    // What the page of SwitchboardMariaDB quotes.

    func mariaDBSnippet() async throws {
        // snippet.mariaDB
        let directory = try MariaDBCellDirectory("mysql+pymysql://nova:secret@db.example.org/nova_api?charset=utf8")
        let location = try await directory.location(ofHost: "compute-7")
        print(location.cell.identity)
        // snippet.end
    }
#endif
