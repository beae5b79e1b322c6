//! Schema versions: version n is the first n migrations.

use crate::{StoreError, StoreName};

/// The migrations that a store of this version has not seen, each with the version that it makes.
///
/// # Errors
/// A newer program wrote it.
pub(crate) fn missing<'a>(
    store: &StoreName,
    found: usize,
    migrations: &'a [&str],
) -> Result<impl Iterator<Item = (usize, &'a str)>, StoreError> {
    let known = migrations.len();
    if found > known {
        return Err(StoreError::Newer {
            store: store.clone(),
            found,
            known,
        });
    }
    Ok((1..).zip(migrations.iter().copied()).skip(found))
}
