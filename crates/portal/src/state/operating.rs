//! The cloud's account of how long an app's calls of a method have worked: over its limit the method is blocked for a while.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The limit, and what a call is taken to work. The cloud's is 480 s in ten minutes, by app and method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperatingLimit {
    /// Milliseconds that a method may work in a window; 0 = no account is kept, as on a portal of one's own.
    pub limit_ms: u64,
    /// Milliseconds that each call counts for.
    pub call_ms: u64,
    /// Length of a window, seconds.
    pub window_s: u32,
}

impl Default for OperatingLimit {
    fn default() -> Self {
        Self {
            limit_ms: 0,
            call_ms: 0,
            window_s: 600,
        }
    }
}

/// Accounts by app and method.
#[derive(Debug, Default)]
pub struct Operating(HashMap<(Option<String>, String), Account>);

/// What a method has worked in the current window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Milliseconds.
    pub milliseconds: u64,
    /// End of the window, unix seconds.
    pub reset_at: i64,
}

impl Operating {
    /// Counts a call and gives the account; an error when the method is blocked.
    ///
    /// # Errors
    /// The account as it stands: it is at the limit.
    pub fn call(
        &mut self,
        limit: OperatingLimit,
        client_id: Option<&str>,
        method: &str,
        now: i64,
    ) -> Result<Account, Account> {
        let key = (client_id.map(str::to_owned), method.to_owned());
        let account = self.0.entry(key).or_default();
        if now >= account.reset_at {
            *account = Account {
                milliseconds: 0,
                reset_at: now + i64::from(limit.window_s),
            };
        }
        if account.milliseconds >= limit.limit_ms {
            return Err(*account);
        }
        account.milliseconds += limit.call_ms;
        Ok(*account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_blocked_until_its_window_ends() {
        let limit = OperatingLimit {
            limit_ms: 1000,
            call_ms: 400,
            window_s: 60,
        };
        let mut operating = Operating::default();
        let mut call = |app, method, now| operating.call(limit, Some(app), method, now);
        for used in [400, 800, 1200] {
            assert_eq!(call("a", "m", 1000).map(|account| account.milliseconds), Ok(used));
        }
        assert_eq!(call("a", "m", 1059).map_err(|account| account.reset_at), Err(1060));
        assert!(call("a", "other", 1059).is_ok() && call("b", "m", 1059).is_ok());
        assert_eq!(call("a", "m", 1060).map(|account| account.milliseconds), Ok(400));
    }
}
