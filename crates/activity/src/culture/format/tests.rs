use proptest::prelude::*;

use super::DateFormat;

const RU: &str = "DD.MM.YYYY HH:MI:SS";
const US: &str = "MM/DD/YYYY H:MI:SS T";

fn read(form: &str, text: &str) -> Option<String> {
    form.parse::<DateFormat>()
        .unwrap()
        .read(text)
        .map(|local| local.to_string())
}

#[test]
fn texts_of_a_form_are_read() {
    for (form, text, expected) in [
        (RU, "24.11.2026 10:00:00", "2026-11-24T10:00:00"),
        (RU, "4.1.2026 9:05:00", "2026-01-04T09:05:00"),
        (RU, "24.11.2026 10:00", "2026-11-24T10:00:00"),
        (RU, "24.11.2026", "2026-11-24T00:00:00"),
        (US, "11/24/2026 10:00:00 am", "2026-11-24T10:00:00"),
        (US, "11/24/2026 12:00:00 am", "2026-11-24T00:00:00"),
        (US, "11/24/2026 12:30:00 PM", "2026-11-24T12:30:00"),
        (US, "11/24/2026", "2026-11-24T00:00:00"),
        ("YYYY-MM-DD GG:MI", "2026-02-28 23:59", "2026-02-28T23:59:00"),
        ("DD/MM/YY HH:MI", "01/02/69 00:00", "2069-02-01T00:00:00"),
        ("DD/MM/YY HH:MI", "01/02/70 00:00", "1970-02-01T00:00:00"),
        ("YYYY年MM月DD日 HH:MI", "2026年11月24日 10:00", "2026-11-24T10:00:00"),
    ] {
        assert_eq!(read(form, text).as_deref(), Some(expected), "{form} {text}");
    }
}

#[test]
fn other_texts_are_not() {
    for (form, text) in [
        (RU, ""),
        (RU, "24.11.26 10:00:00"),
        (RU, "31.02.2026"),
        (RU, "24.11.2026 25:00:00"),
        (RU, "24.11.2026 10:00:00 and more"),
        (RU, "11/24/2026 10:00:00 am"),
        (US, "11/24/2026 13:00:00 pm"),
        (US, "11/24/2026 0:00:00 am"),
        (US, "24.11.2026 10:00:00"),
    ] {
        assert_eq!(read(form, text), None, "{form} {text}");
    }
}

#[test]
fn a_form_without_a_meaning_is_refused_with_a_word() {
    for (form, fault) in [
        ("DD.MM.YYYY", "an hour and minutes"),
        ("HH:MI", "a year, a month and a day"),
        ("DD.MM.YYYY H:MI:SS", "need `T`"),
        ("DD MMMM YYYY HH:MI", "names of months"),
        ("DD.MM.YYYY HH:MI:SS X", "'X'"),
        ("DD.DD.MM.YYYY HH:MI", "each once"),
        ("DD.MM.YYYY HH:MI:SS SS", "twice"),
    ] {
        let error = form.parse::<DateFormat>().unwrap_err().to_string();
        assert!(error.contains(fault) && error.contains(form), "{error}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(form in "[DMYHGIST:. /]{0,24}", text in "\\PC{0,32}") {
        if let Ok(form) = form.parse::<DateFormat>() {
            let _any = form.read(&text);
        }
    }

    #[test]
    fn what_a_portal_writes_is_read(year in 1970..2100_i16, month in 1..=12_i8, day in 1..=28_i8, hour in 0..24_i8, minute in 0..60_i8, second in 0..60_i8) {
        let expected = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        let ru = format!("{day:02}.{month:02}.{year:04} {hour:02}:{minute:02}:{second:02}");
        prop_assert_eq!(read(RU, &ru), Some(expected.clone()));
        let (twelve, half) = ((hour + 11) % 12 + 1, if hour < 12 { "am" } else { "pm" });
        let us = format!("{month:02}/{day:02}/{year:04} {twelve}:{minute:02}:{second:02} {half}");
        prop_assert_eq!(read(US, &us), Some(expected));
    }
}
