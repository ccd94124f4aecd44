import SwitchboardMessaging

/// A report as JSON.
struct CheckJSON {
    let report: CheckReport

    var value: JSONValue {
        [
            "check": .string(report.name), "status": .string(report.status.rawValue),
            "subjects": .array(report.subjects.map(subject)),
        ]
    }

    private func subject(_ subject: CheckReport.Subject) -> JSONValue {
        var object = JSONObject()
        object["title"] = .string(subject.title)
        for label in subject.labels { object[label.name] = .string(label.value) }
        object["status"] = .string(subject.status.rawValue)
        object["steps"] = .array(subject.results.map(step))
        return .object(object)
    }

    private func step(_ result: CheckResult) -> JSONValue {
        var object = JSONObject()
        object["step"] = .string(result.step)
        if let about = result.object { object["object"] = .string(about) }
        object["status"] = .string(result.status.rawValue)
        object["detail"] = .string(result.detail)
        if let diagnosis = result.diagnosis {
            object["meaning"] = .string(diagnosis.meaning)
            object["advice"] = .string(diagnosis.advice)
        }
        if !result.measurements.isEmpty { object["measurements"] = .array(result.measurements.map(measurement)) }
        return .object(object)
    }

    private func measurement(_ measurement: CheckMeasurement) -> JSONValue {
        var object = JSONObject()
        object["name"] = .string(measurement.name)
        object["unit"] = .string(measurement.unit.rawValue)
        object["value"] = .double(measurement.value)
        if let warning = measurement.thresholds.warning { object["warning"] = .double(warning) }
        if let critical = measurement.thresholds.critical { object["critical"] = .double(critical) }
        return .object(object)
    }
}
