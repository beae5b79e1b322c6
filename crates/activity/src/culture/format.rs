//! The form of a date and time in the portal's own letters, e.g. `DD.MM.YYYY HH:MI:SS`.

use std::fmt;

use jiff::civil::DateTime;
use serde::Deserialize;

/// A culture's form of date and time, as the portal's settings show it.
///
/// `YYYY`, `YY` (70 to 99 are 1970 to 1999), `MM`, `DD`, `HH` and `GG` (0 to 23), `H` and `G` (1 to 12), `MI`, `SS`, `T`
/// and `TT` (am, pm); what is no ASCII letter or digit stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DateFormat {
    text: String,
    /// The whole form, the form without seconds, the date alone: the server takes each.
    forms: Vec<Vec<Item>>,
}

/// A form that texts can't be read by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{form}` is no form of a date and time: {fault}; write it as in the portal's settings, e.g. `DD.MM.YYYY HH:MI:SS`"
)]
pub struct DateFormatError {
    form: String,
    fault: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Year,
    ShortYear,
    Month,
    Day,
    /// 0 to 23.
    Hour,
    /// 1 to 12.
    HalfDayHour,
    Minute,
    Second,
    Meridiem,
    Literal(char),
}

/// Longest first, so that no letter is taken from a longer one.
const ITEMS: [(&str, Item); 12] = [
    ("YYYY", Item::Year),
    ("YY", Item::ShortYear),
    ("MM", Item::Month),
    ("MI", Item::Minute),
    ("DD", Item::Day),
    ("HH", Item::Hour),
    ("GG", Item::Hour),
    ("SS", Item::Second),
    ("TT", Item::Meridiem),
    ("H", Item::HalfDayHour),
    ("G", Item::HalfDayHour),
    ("T", Item::Meridiem),
];

impl std::str::FromStr for DateFormat {
    type Err = DateFormatError;

    fn from_str(text: &str) -> Result<Self, DateFormatError> {
        let fault = |fault: String| DateFormatError {
            form: text.chars().take(64).collect(),
            fault,
        };
        let items = items(text.trim()).map_err(fault)?;
        check(&items).map_err(|text| fault(text.to_owned()))?;
        let mut forms = vec![items];
        forms.extend(without_seconds(&forms[0]));
        forms.extend(date_alone(&forms[0]));
        Ok(Self {
            text: text.trim().to_owned(),
            forms,
        })
    }
}

impl TryFrom<String> for DateFormat {
    type Error = DateFormatError;

    fn try_from(text: String) -> Result<Self, DateFormatError> {
        text.parse()
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl DateFormat {
    /// The local time that a text of the form means.
    pub(super) fn read(&self, text: &str) -> Option<DateTime> {
        self.forms.iter().find_map(|form| Parts::read(form, text)?.date_time())
    }
}

fn items(mut text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    while let Some(first) = text.chars().next() {
        let (length, item) = match ITEMS.iter().find(|(letters, _)| text.starts_with(letters)) {
            _ if text.starts_with("MMMM") => return Err("names of months can't be read".to_owned()),
            Some((letters, item)) => (letters.len(), *item),
            None if first.is_ascii_alphanumeric() => return Err(format!("it has no meaning for {first:?}")),
            None => (first.len_utf8(), Item::Literal(first)),
        };
        items.push(item);
        text = &text[length..];
    }
    Ok(items)
}

/// Each part of a date and time is there, and none twice.
fn check(items: &[Item]) -> Result<(), &'static str> {
    let count = |wanted: &[Item]| items.iter().filter(|item| wanted.contains(item)).count();
    match (
        count(&[Item::Year, Item::ShortYear]),
        count(&[Item::Month]),
        count(&[Item::Day]),
    ) {
        (1, 1, 1) => {}
        _ => return Err("it must have a year, a month and a day, each once"),
    }
    if (count(&[Item::Hour, Item::HalfDayHour]), count(&[Item::Minute])) != (1, 1) {
        return Err("it must have an hour and minutes, each once");
    }
    if count(&[Item::Second]) > 1 || count(&[Item::Meridiem]) > 1 {
        return Err("it has seconds, or am and pm, twice");
    }
    if count(&[Item::HalfDayHour]) > count(&[Item::Meridiem]) {
        return Err("`H` and `G` count to 12 and need `T` (am, pm); 24 hours are `HH` or `GG`");
    }
    Ok(())
}

/// The form without its seconds and what is between them and the minutes.
fn without_seconds(items: &[Item]) -> Option<Vec<Item>> {
    let minute = items.iter().position(|item| *item == Item::Minute)?;
    let second = items.iter().position(|item| *item == Item::Second)?;
    let between = items.get(minute + 1..second)?;
    let literal = between.iter().all(|item| matches!(item, Item::Literal(_)));
    literal.then(|| [&items[..=minute], &items[second + 1..]].concat())
}

/// The form from the first to the last part of its date, if no time is between them.
fn date_alone(items: &[Item]) -> Option<Vec<Item>> {
    let of_date = |item: &Item| matches!(item, Item::Year | Item::ShortYear | Item::Month | Item::Day);
    let date = &items[items.iter().position(of_date)?..=items.iter().rposition(of_date)?];
    date.iter()
        .all(|item| of_date(item) || matches!(item, Item::Literal(_)))
        .then(|| date.to_vec())
}

#[derive(Debug, Default)]
struct Parts {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    half_day: bool,
    afternoon: Option<bool>,
}

impl Parts {
    /// The parts of a text that has the form from its beginning to its end.
    fn read(form: &[Item], mut text: &str) -> Option<Self> {
        let mut parts = Self::default();
        for item in form {
            match item {
                Item::Year => parts.year = number(&mut text, 4..=4)?,
                // The server's own turn of the century.
                Item::ShortYear => {
                    let year = number(&mut text, 2..=2)?;
                    parts.year = year + if year < 70 { 2000 } else { 1900 };
                }
                Item::Month => parts.month = short(&mut text, 1)?,
                Item::Day => parts.day = short(&mut text, 1)?,
                Item::Hour => parts.hour = short(&mut text, 1)?,
                Item::HalfDayHour => {
                    parts.hour = short(&mut text, 1)?;
                    parts.half_day = true;
                }
                Item::Minute => parts.minute = short(&mut text, 2)?,
                Item::Second => parts.second = short(&mut text, 2)?,
                Item::Meridiem => {
                    let (letters, rest) = text.split_at_checked(2)?;
                    parts.afternoon = Some(match &*letters.to_ascii_lowercase() {
                        "am" => false,
                        "pm" => true,
                        _ => return None,
                    });
                    text = rest;
                }
                Item::Literal(literal) => text = text.strip_prefix(*literal)?,
            }
        }
        text.is_empty().then_some(parts)
    }

    fn date_time(&self) -> Option<DateTime> {
        let hour = match (self.half_day, self.afternoon) {
            (true, Some(afternoon)) if (1..=12).contains(&self.hour) => self.hour % 12 + if afternoon { 12 } else { 0 },
            (true, _) => return None,
            // `14:00 am` means nothing.
            (false, Some(afternoon)) if afternoon != (self.hour >= 12) => return None,
            (false, _) => self.hour,
        };
        DateTime::new(self.year, self.month, self.day, hour, self.minute, self.second, 0).ok()
    }
}

/// A number of one or two digits, at least `least`.
fn short(text: &mut &str, least: usize) -> Option<i8> {
    number(text, least..=2).and_then(|number| number.try_into().ok())
}

/// As many digits as there are and may be.
fn number(text: &mut &str, length: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let digits = text.bytes().take(*length.end()).take_while(u8::is_ascii_digit).count();
    if digits < *length.start() {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    *text = rest;
    number.parse().ok()
}

#[cfg(test)]
mod tests;
