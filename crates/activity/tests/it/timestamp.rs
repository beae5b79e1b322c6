//! `google.protobuf.Timestamp`: a `datetime` of the portal.

use activity::{Activity, Culture, Key, Value};
use proptest::prelude::*;
use prost_reflect::DynamicMessage;

use crate::executor::{Executor, GOOD, culture};

fn activity() -> Activity {
    // What follows the package stands at the end of the file, imports included.
    let executor = Executor {
        request: "google.protobuf.Timestamp at = 1; repeated google.protobuf.Timestamp all = 2;",
        response: "google.protobuf.Timestamp then = 1; repeated google.protobuf.Timestamp each = 2;",
        more: "import \"google/protobuf/timestamp.proto\";",
        ..GOOD
    };
    executor.activity()
}

fn moscow() -> Culture {
    Culture::new(
        "portals.mine",
        "DD.MM.YYYY HH:MI:SS".parse().unwrap(),
        "Europe/Moscow".parse().unwrap(),
    )
}

fn berlin() -> Culture {
    Culture::new(
        "portals.mine",
        "DD.MM.YYYY HH:MI:SS".parse().unwrap(),
        "Europe/Berlin".parse().unwrap(),
    )
}

fn seconds(message: &DynamicMessage) -> i64 {
    message
        .get_field_by_name("at")
        .unwrap()
        .as_message()
        .unwrap()
        .get_field_by_name("seconds")
        .unwrap()
        .as_i64()
        .unwrap()
}

fn read(text: &str, culture: &Culture) -> Result<i64, String> {
    let request = activity().request([(&b"at"[..], Value::from(text))], culture);
    request
        .map(|message| seconds(&message))
        .map_err(|error| error.to_string())
}

#[test]
fn it_is_a_datetime() {
    let parameters = activity().parameters();
    for (properties, key, multiple) in [("PROPERTIES", "at", "N"), ("RETURN_PROPERTIES", "each", "Y")] {
        assert_eq!(parameters[properties][key]["Type"], "datetime");
        assert_eq!(parameters[properties][key]["Multiple"], multiple);
    }
}

#[test]
fn a_text_is_a_time_by_culture_and_zone() {
    assert_eq!(read("24.11.2026 10:00:00", &moscow()), Ok(1_795_503_600));
    assert_eq!(read("24.11.2026", &moscow()), Ok(1_795_467_600));
    // Of someone whose clock is two hours ahead of the server's, and three behind it.
    assert_eq!(read("24.11.2026 10:00:00 [7200]", &moscow()), Ok(1_795_503_600 - 7200));
    assert_eq!(
        read("24.11.2026 10:00:00 [-10800]", &moscow()),
        Ok(1_795_503_600 + 10800)
    );
    assert_eq!(read("24.11.2026 [0]", &moscow()), Ok(1_795_467_600));
}

#[test]
fn a_time_left_out_is_later_and_of_two_the_first_is_meant() {
    // Clocks in Berlin jump from 2:00 to 3:00 on 29 March 2026, and from 3:00 back to 2:00 on 25 October.
    assert_eq!(
        read("29.03.2026 02:30:00", &berlin()),
        read("29.03.2026 03:30:00", &berlin())
    );
    assert_eq!(read("25.10.2026 02:30:00", &berlin()), Ok(1_792_888_200));
}

#[test]
fn nothing_is_guessed() {
    let error = read("24.11.2026 10:00:00", &culture()).unwrap_err();
    assert!(
        error.contains("at") && error.contains("portals.mine.culture") && error.contains("time_zone"),
        "{error}"
    );
    for wrong in [
        "11/24/2026 10:00:00 am",
        "tomorrow",
        "2026-11-24T10:00:00Z",
        "24.11.2026 [x]",
        "24.11.2026 [999999]",
        "24.11.2026 [-9223372036854775808]",
        "[0]",
        "01.01.0001 00:00:00",
        "31.12.9999 23:59:59 [-93600]",
    ] {
        let error = read(wrong, &moscow()).unwrap_err();
        assert!(
            error.contains("at") && error.contains("DD.MM.YYYY HH:MI:SS"),
            "{wrong}: {error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "[0-9.: ]{0,20}( \\[-?[0-9]{0,20}\\])?") {
        drop(MOSCOW.with(|(activity, moscow)| activity.request([(&b"at"[..], Value::from(&*text))], moscow)));
    }

    #[test]
    fn a_time_written_in_a_zone_is_read_back(at in -700_000_000..4_000_000_000_i64, ahead in -12..14_i64) {
        let ahead = ahead * 3600;
        // As the server writes it: the site's clock, moved by the way to the user's. India has not changed its clocks since 1945.
        let shown = jiff::Timestamp::from_second(at + ahead).unwrap().in_tz("Asia/Kolkata").unwrap();
        let text = format!("{} [{ahead}]", shown.strftime("%d.%m.%Y %H:%M:%S"));
        let kolkata = Culture::new("x", "DD.MM.YYYY HH:MI:SS".parse().unwrap(), "Asia/Kolkata".parse().unwrap());
        let read = MOSCOW.with(|(activity, _)| activity.request([(&b"at"[..], Value::from(&*text))], &kolkata));
        prop_assert_eq!(seconds(&read.unwrap()), at, "{}", text);
    }
}

thread_local!(static MOSCOW: (Activity, Culture) = (activity(), moscow()));

#[test]
fn untouched_it_is_absent() {
    for value in [Value::from(""), Value::List(Vec::new())] {
        let request = activity().request([(&b"at"[..], value)], &culture()).unwrap();
        assert!(!request.has_field_by_name("at"));
    }
    let items = vec![(Key::Int(0), Value::from("")), (Key::Int(3), Value::from("24.11.2026"))];
    let request = activity()
        .request([(&b"all"[..], Value::List(items))], &moscow())
        .unwrap();
    assert_eq!(request.get_field_by_name("all").unwrap().as_list().unwrap().len(), 1);
}

#[test]
fn a_timestamp_goes_out_as_unix_seconds_in_a_text() {
    let activity = activity();
    let timestamp = |seconds: i64| {
        let request = activity
            .request([(&b"at"[..], Value::from("24.11.2026"))], &moscow())
            .unwrap();
        let mut timestamp = request.get_field_by_name("at").unwrap().as_message().unwrap().clone();
        timestamp.set_field_by_name("seconds", prost_reflect::Value::I64(seconds));
        prost_reflect::Value::Message(timestamp)
    };
    let answer = |value: prost_reflect::Value| {
        let mut response = DynamicMessage::new(activity.method().output());
        response.set_field_by_name("then", value);
        activity.answer(&response).map(|values| values["then"].clone())
    };
    assert_eq!(answer(timestamp(1_764_000_000)).unwrap(), "1764000000");
    // PHP takes "0" for empty, so the beginning of Unix time goes out in another exact form.
    assert_eq!(answer(timestamp(0)).unwrap(), "1970-01-01T00:00:00+00:00 [0]");
    assert!(answer(timestamp(i64::MAX)).is_err());
    let empty = activity
        .answer(&DynamicMessage::new(activity.method().output()))
        .unwrap();
    assert!(!empty.contains_key("then"), "an unset timestamp is not sent");
}
