//! `bizproc check`: the activities that an executor's annotated methods make, or what is wrong with them.

use std::{path::Path, process::ExitCode};

use activity::{Activity, Limits, Set};
use anyhow::Context as _;
use serde_json::Value;

use crate::{args, output};

pub(crate) fn run(args: &args::Check) -> anyhow::Result<ExitCode> {
    let descriptors = match (&args.descriptors, &args.executor) {
        (Some(path), _) => read(path)?,
        (None, Some(uri)) => reflect(uri)?,
        (None, None) => unreachable!("the command line demands one of them"),
    };
    let set = match Set::read(&descriptors, &Limits::default()) {
        Ok(set) => set,
        Err(problems) => {
            for problem in problems.iter() {
                output::complain(problem);
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    if args.json {
        output::json(&set.activities().iter().map(Activity::parameters).collect())?;
    } else {
        set.activities().iter().try_for_each(show)?;
        output::line(&format!(
            "{} activities and robots, revision {}",
            set.activities().len(),
            set.revision()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn reflect(uri: &str) -> anyhow::Result<Vec<u8>> {
    service::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(registrar::reflect(uri))
        .with_context(|| format!("cannot read the descriptors of {uri}"))
}

fn show(activity: &Activity) -> std::io::Result<()> {
    let parameters = activity.parameters();
    output::line(&format!(
        "{:?} {} = {}",
        activity.kind(),
        activity.code(),
        activity.path()
    ))?;
    for (key, arrow) in [("PROPERTIES", "<-"), ("RETURN_PROPERTIES", "->")] {
        for (name, definition) in parameters.get(key).and_then(Value::as_object).into_iter().flatten() {
            output::line(&format!("  {arrow} {name}: {}", describe(definition)))?;
        }
    }
    Ok(())
}

fn describe(definition: &Value) -> String {
    let mut text = definition["Type"].as_str().unwrap_or_default().to_owned();
    for (key, word) in [("Multiple", "multiple"), ("Required", "required")] {
        if definition[key] == "Y" {
            text = format!("{text}, {word}");
        }
    }
    match &definition["Default"] {
        Value::Null => text,
        default => format!("{text}, default {default}"),
    }
}
