/// Whether the workflow waits for an answer, by the callback's `use_subscription`. The numbers are the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Subscription {
    /// `Y`: it waits.
    Waits = 1,
    /// Any other value: it does not wait. (The portal compares with `Y` alone: `1` and `true` don't wait.)
    WentOn = 2,
    /// A form of 2015, which has neither this field nor a document type: it waits.
    OldForm = 3,
    /// Registered without it: the portal doesn't say, so it is answered once and never confirmed.
    Unknown = 4,
}

impl Subscription {
    pub(crate) fn of(use_subscription: Option<&str>, has_document_type: bool) -> Self {
        match use_subscription {
            Some("Y") => Self::Waits,
            Some(_) => Self::WentOn,
            None if has_document_type => Self::Unknown,
            None => Self::OldForm,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Waits, Self::WentOn, Self::OldForm, Self::Unknown]
            .into_iter()
            .find(|known| *known as u8 == number)
    }

    /// Whether an answer is sent.
    pub(crate) fn answers(self) -> bool {
        self != Self::WentOn
    }

    /// Whether a sent answer stays to be confirmed.
    pub(crate) fn confirms(self) -> bool {
        matches!(self, Self::Waits | Self::OldForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_y_waits() {
        for (field, typed, expected) in [
            (Some("Y"), true, Subscription::Waits),
            (Some("N"), true, Subscription::WentOn),
            (Some("1"), true, Subscription::WentOn),
            (Some(""), true, Subscription::WentOn),
            (Some("y"), true, Subscription::WentOn),
            (None, true, Subscription::Unknown),
            (None, false, Subscription::OldForm),
        ] {
            assert_eq!(Subscription::of(field, typed), expected, "{field:?} {typed}");
            assert_eq!(Subscription::from_number(expected as u8), Some(expected));
        }
    }
}
