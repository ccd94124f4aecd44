// swift-tools-version: 6.2
import PackageDescription

// A driver by somebody else: this package knows of Switchboard what every package knows that depends on it.
let plain: [Target.Dependency] =
    [
        "Switchboard", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells", "SwitchboardTesting",
        "SwitchboardInProcess",
    ].map { .product(name: $0, package: "switchboard") } + [.product(name: "Logging", package: "swift-log")]

let package = Package(
    name: "socket-driver",
    products: [
        .library(name: "SocketDriver", targets: ["SocketDriver"]),
        .executable(name: "socket-hub", targets: ["socket-hub"]),
    ],
    dependencies: [
        // In a package of your own: .package(url: "…/switchboard", from: "…", traits: []). Without its traits nothing of
        // the RabbitMQ driver is built.
        .package(name: "switchboard", path: "../..", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .target(
            name: "SocketDriver",
            dependencies: [
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardInProcess", package: "switchboard"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "socket-hub",
            dependencies: [
                "SocketDriver",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardTesting", package: "switchboard"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "SocketDriverTests",
            dependencies: [
                "SocketDriver", "socket-hub",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardTesting", package: "switchboard"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        // Adopts every public protocol of Switchboard with no settings at all, in both language modes.
        .testTarget(name: "PlainSwift6Tests", dependencies: plain),
        .testTarget(name: "PlainSwift5Tests", dependencies: plain, swiftSettings: [.swiftLanguageMode(.v5)]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where !target.name.hasPrefix("Plain") {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
