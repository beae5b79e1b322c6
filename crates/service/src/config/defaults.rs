//! Defaults of a program that runs several services, laid beneath the file.

use config::{Value, ValueKind};

use super::file_values::counterpart;

/// Adds what `value` has not: neither the key nor the same text in its other form (`token`, `token_file`).
pub(super) fn beneath(value: &mut Value, defaults: Value) {
    let (ValueKind::Table(table), ValueKind::Table(defaults)) = (&mut value.kind, defaults.kind) else {
        return;
    };
    for (key, default) in defaults {
        if let Some(own) = table.get_mut(&key) {
            beneath(own, default);
        } else if counterpart(table, &key).is_none() {
            table.insert(key, default);
        }
    }
}

#[cfg(test)]
mod tests {
    use config::{Config, File, FileFormat};

    use super::*;

    fn tree(toml: &str) -> Value {
        Config::builder()
            .add_source(File::from_str(toml, FileFormat::Toml))
            .build()
            .unwrap()
            .cache
    }

    #[test]
    fn the_file_beats_a_default_in_either_form() {
        let mut file = tree("[gateway]\ntoken_file = '/run/token'\nregistrar.uri = 'http://own'");
        let defaults = "[gateway]\ntoken = 'made up'\nregistrar.uri = 'http://default'\nregistrar.token = 'made up'";
        beneath(&mut file, tree(defaults));
        let expected =
            "[gateway]\ntoken_file = '/run/token'\nregistrar.uri = 'http://own'\nregistrar.token = 'made up'";
        assert_eq!(file, tree(expected));
    }
}
