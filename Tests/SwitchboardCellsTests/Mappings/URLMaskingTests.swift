import SwitchboardCells
import SwitchboardCore
import Testing

@Suite("Masked URLs")
struct URLMaskingTests {
    @Test(
        "Every secret is masked and the rest is unchanged",
        arguments: [
            ("rabbit://u:p@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://a:1@h1:11,b:2@h2:22/v", "rabbit://a:***@h1:11,b:***@h2:22/v"),
            ("rabbit://h1:11,b:2@h2:22/v", "rabbit://h1:11,b:***@h2:22/v"),
            (
                "rabbit://u1:p1@r1.example:5672,u2:p%402@[2001:db8::2]:5673/c",
                "rabbit://u1:***@r1.example:5672,u2:***@[2001:db8::2]:5673/c"
            ),
            ("rabbit://u:a/b@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://u:a#b@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://u:a?b@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://u:a,b@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://u:a@b@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://u:a:b@h:5672/v", "rabbit://u:***@h:5672/v"),
            ("rabbit://h/v?password=zz&ssl=1", "rabbit://h/v?password=***&ssl=1"),
            ("rabbit://h/v?ssl=1;db_passwd=zz", "rabbit://h/v?ssl=1;db_passwd=***"),
            ("rabbit://h/v?pass%77ord=zz", "rabbit://h/v?pass%77ord=***"),
            ("postgresql:///nova?user=n&password=p@ss", "postgresql:///nova?user=n&password=***"),
            ("postgresql:///nova?user=n@x&password=zz", "postgresql:///nova?user=n@x&password=***"),
            ("postgresql:///nova?user=n@x&password=p@ss", "postgresql:///nova?user=n@x&password=***"),
            ("rabbit://h/v?password=zz&mail=a@b", "rabbit://h/v?password=***"),
            ("mysql+pymysql://db:3306/nova?user=n&password=p@ss", "mysql+pymysql://db:3306/nova?user=n&password=***"),
            ("rabbit://u:p@h/v?password=p@ss", "rabbit://u:***@h/v?password=***"),
            ("rabbit://u:p@h/v?my_pwd=zz", "rabbit://u:***@h/v?my_pwd=***"),
            ("rabbit://u:a/b?token=c@h/v", "rabbit://u:***"),
            ("rabbit://u:a?b@h/v?token=zz", "rabbit://u:***@h/v?token=***"),
            ("rabbit://h/v?password=&zz", "rabbit://h/v?password="),
            ("none:///", "none:///"),
            ("sqlite:////x", "sqlite:////x"),
            ("rabbit://", "rabbit://"),
            ("rabbit://u@h", "rabbit://u@h"),
            ("rabbit://[::1]:5672/v", "rabbit://[::1]:5672/v"),
            ("rabbit://2001:db8::1/v", "rabbit://2001:db8::1/v"),
            ("rabbit://forgot:thehost", "rabbit://forgot:***"),
            ("user:pw@host", "user:***@host"),
            ("", ""),
            (
                "{scheme}://{username}:{password}@rabbit-cell2.example:{port}/nova_cell2?{query}",
                "{scheme}://{username}:{password}@rabbit-cell2.example:{port}/nova_cell2?{query}"
            ),
            ("{scheme}://{username}:s3kret@h:{port}/v", "{scheme}://{username}:***@h:{port}/v"),
            (
                "mysql+pymysql://nova:c1db@db.example/nova?charset=utf8",
                "mysql+pymysql://nova:***@db.example/nova?charset=utf8"
            ),
        ])
    func masks(url: String, expected: String) {
        #expect(URLTemplate(url).description == expected)
    }

    @Test("No description, dump or encoding of a cell shows its secrets")
    func cellHidesSecrets() throws {
        let cell = CellMapping(
            id: .random(), name: "one", transportURL: "rabbit://u:CANARY@h/v?token=CANARY",
            databaseConnection: "mysql://nova:CANARY@h/nova")
        var dumped = ""
        dump(cell, to: &dumped)
        dump(BaseURLs(transportURL: "rabbit://u:CANARY@h", databaseConnection: "mysql://u:CANARY@h"), to: &dumped)
        let texts = [dumped, "\(cell)", String(reflecting: cell), "\(BaseURLs(transportURL: "rabbit://u:CANARY@h"))"]
        for text in texts {
            #expect(!text.contains("CANARY"))
        }
        #expect(dumped.contains("rabbit://u:***@h/v?token=***"))
    }

    @Test("No character in a password shows a part of it")
    func fuzz() {
        let separators = ["/", "?", "#", "@", ":", "{", "}", "&", "=", "%", "[", "]", "é", "://", "p", "\u{301}"]
        for _ in 0..<20_000 {
            let password = (0..<Int.random(in: 0...6)).map { _ in separators.randomElement() ?? "" }
            var parts = password
            parts.insert("CANARY", at: Int.random(in: 0...parts.count))
            let text = "rabbit://user:" + parts.joined() + ["@host:5672/v", "@h1,u2:x@h2/v", "@h"].randomElement()!
            // Behind `&` and `=` another option begins, which is no part of the password.
            let value = parts.filter { $0 != "=" }.joined()
            for text in [text, "rabbit://h:1/v?x=1&password=" + value] {
                let masked = URLTemplate(text).description
                #expect(!masked.contains("CANARY"), "\(text) shows \(masked)")
            }
        }
    }
}
