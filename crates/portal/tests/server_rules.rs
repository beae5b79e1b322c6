//! Rules of the server that its fixture does not show, read in its source or tried on PHP itself, in the form of cases.

/// Runs cases, one a line.
fn pass(cases: &str) {
    let failures: Vec<String> = portal::cases::run(cases.as_bytes())
        .filter_map(|(id, outcome)| outcome.err().map(|why| format!("{id}: {why}")))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn instances(id: &str, params: &str, expect: &str) -> String {
    let row = |number: u8, owned: &str| {
        format!(
            r#"{{"ID":"w{number}","MODULE_ID":"crm","ENTITY":"E","DOCUMENT_ID":"D_{number}","WORKFLOW_TEMPLATE_ID":{number},"STARTED":"2026-11-24 10:00:00","STARTED_BY":0,"STATUS":3,"MODIFIED":"2026-11-24 11:00:0{number}","OWNER_ID":null,"OWNED_UNTIL":{owned}}}"#
        )
    };
    let rows = [row(1, "null"), row(2, r#""2026-11-24 12:00:00""#)].join(",");
    format!(
        r#"{{"id":"{id}","method":"bizproc.workflow.instances","context":{{"client_id":null,"admin":true}},"setup":[{{"workflow_instance_rows":[{rows}]}}],"params":{params},"expect":{expect}}}"#
    )
}

#[test]
fn filters_of_the_list_of_instances() {
    let found = |numbers: &[u8]| {
        let rows: Vec<String> = numbers
            .iter()
            .map(|number| format!(r#"{{"ID":"w{number}"}}"#))
            .collect();
        format!(
            r#"{{"http":200,"result":[{}],"total":{}}}"#,
            rows.join(","),
            numbers.len()
        )
    };
    let cases = [
        (r#"{"ID":[]}"#, &[][..]),
        (r#"{"!ID":[]}"#, &[2, 1]),
        (r#"{"ID":"%\\_1"}"#, &[]),
        (r#"{"DOCUMENT_ID":"d\\__"}"#, &[2, 1]),
        (r#"{">ID":["w1"]}"#, &[2]),
        (r#"{">ID":{"1":"w1"}}"#, &[]),
        (r#"{"TEMPLATE_ID":[]}"#, &[]),
        (r#"{"!TEMPLATE_ID":[]}"#, &[2, 1]),
        (r#"{"STARTED_BY":0}"#, &[2, 1]),
        (r#"{"!STARTED_BY":"none"}"#, &[]),
        (r#"{"OWNED_UNTIL":["2026-11-24T12:00:00Z","x y"]}"#, &[2]),
        (r#"{"!OWNED_UNTIL":["2026-11-24T13:00:00Z"]}"#, &[2]),
        (r#"{"<=MODIFIED":"2026-11-24T11:00:01"}"#, &[1]),
        (r#"["ID"]"#, &[2, 1]),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(filter, numbers)| {
            instances(
                &filter.replace(['"', '\\'], ""),
                &format!(r#"{{"SELECT":["id"],"FILTER":{filter}}}"#),
                &found(numbers),
            )
        })
        .collect();
    pass(&lines.join("\n"));
}

#[test]
fn errors_and_pages_of_the_list_of_instances() {
    pass(
        &[
            instances(
                "an empty list of dates is an SQL error",
                r#"{"FILTER":{"MODIFIED":[]}}"#,
                r#"{"http":500,"error":"ERROR_CORE","error_description":"SQL query error!"}"#,
            ),
            instances("a direction is a text", r#"{"ORDER":{"FOO":[]}}"#, r#"{"http":500,"not_json":true,"php":"TypeError"}"#),
            instances(
                "null is no name",
                r#"{"SELECT":[null]}"#,
                r#"{"http":400,"error":"ERROR_SELECT_VALIDATION_FAILURE","error_description":"Invalid data in SELECT parameter"}"#,
            ),
            instances(
                "before the beginning there is always more",
                r#"{"SELECT":["ID"],"start":-9}"#,
                r#"{"http":200,"result":[{"ID":"w2"},{"ID":"w1"}],"next":-7,"total":0}"#,
            ),
        ]
        .join("\n"),
    );
}

#[test]
fn a_parameter_token_makes_a_call_a_signed_link() {
    let case = |id: &str, params: &str, expect: &str| {
        format!(
            r#"{{"id":"{id}","method":"bizproc.activity.list","context":{{"client_id":"a","admin":true}},"params":{params},"expect":{expect}}}"#
        )
    };
    let refused = r#"{"http":403,"error":"ACCESS_DENIED","error_description":"Access denied! Link check failed"}"#;
    let unknown = r#"{"http":404,"error":"ERROR_METHOD_NOT_FOUND","error_description":"Method not found!"}"#;
    pass(
        &[
            case("foreign scope", r#"{"token":"x"}"#, unknown),
            case("own scope", r#"{"token":"bizproc|q|s"}"#, refused),
            case("empty", r#"{"token":""}"#, refused),
            case("null", r#"{"token":null}"#, r#"{"http":200,"result":[]}"#),
            case(
                "list",
                r#"{"token":[]}"#,
                r#"{"http":500,"not_json":true,"php":"TypeError"}"#,
            ),
        ]
        .join("\n"),
    );
}

#[test]
fn a_placement_code_in_another_case_moves_the_dialog() {
    let add = |code: &str, handler: &str| {
        format!(
            r#"{{"CODE":"{code}","HANDLER":"https://a.b/x","NAME":"n","USE_PLACEMENT":"Y","PLACEMENT_HANDLER":"https://a.b/{handler}"}}"#
        )
    };
    let activity = |code: &str, internal: &str| {
        format!(
            r#"{{"APP_ID":"local.aaaa1111.11111111","APP_NAME":{{"*":"App One"}},"CODE":"{code}","INTERNAL_CODE":"{internal}","HANDLER":"https://a.b/x","AUTH_USER_ID":0,"USE_SUBSCRIPTION":"","USE_PLACEMENT":"Y","NAME":{{"*":"n"}},"DESCRIPTION":null,"PROPERTIES":null,"RETURN_PROPERTIES":null,"DOCUMENT_TYPE":null,"FILTER":null,"IS_ROBOT":"N"}}"#
        )
    };
    let stored = format!(
        r#"{{"activities":[{},{}],"placements":[{{"APP_ID":"1","ADDITIONAL":"act","PLACEMENT":"BIZPROC_ACTIVITY_PROPERTIES_DIALOG","PLACEMENT_HANDLER":"https://a.b/q"}}]}}"#,
        activity("act", "ff4006aaf67f244bff0b1711e4fcfaa4"),
        activity("ACT", "aa78b8dc46023764d928adc70504c8df"),
    );
    pass(&format!(
        r#"{{"id":"case","method":"bizproc.activity.add","context":{{"client_id":"local.aaaa1111.11111111","admin":true}},"setup":[{{"method":"bizproc.activity.add","params":{}}}],"params":{},"expect":{{"http":200,"result":true,"stored":{stored}}}}}"#,
        add("act", "p"),
        add("ACT", "q"),
    ));
}

#[test]
fn an_empty_array_prints_as_a_list_in_errors_too() {
    let value = r#"{"id":"value","method":"oracle.value","context":{"client_id":"a","admin":true},"params":{"json":"{\"error\":\"E\",\"error_description\":\"d\",\"more\":{}}"},"expect":{"http":200,"error":"E","error_description":"d","more":[]}}"#;
    let batch = r#"{"id":"batch","method":"batch","context":{"client_id":"a","admin":true},"params":{"cmd":{"a":"oracle.value?json={\"error\":\"E\",\"error_description\":\"d\",\"more\":{}}"}},"expect":{"http":200,"result":{"result":[],"result_error":{"a":{"error":"E","error_description":"d","more":[]}},"result_total":[],"result_next":[]}}}"#;
    pass(&[value, batch].join("\n"));
}

#[test]
fn a_list_as_the_whole_body_is_not_empty() {
    let case = |body: &str, description: &str| {
        format!(
            r#"{{"id":"{body}","method":"bizproc.activity.add","context":{{"client_id":"a","admin":true}},"params":{body},"expect":{{"http":400,"error":"ERROR_ACTIVITY_VALIDATION_FAILURE","error_description":"{description}","stored_unchanged":true}}}}"#
        )
    };
    pass(
        &[
            case("[]", "Empty data!"),
            case("1", "Empty data!"),
            case("[1]", "Empty activity code!"),
        ]
        .join("\n"),
    );
}
