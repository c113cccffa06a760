//! The main job: an incident desk's log becomes durable incidents, whatever happens on the way.

mod desk;

use clap::Parser;
use desk::arguments::{Arguments, Form};
use desk::input::Input;
use std::io::Write;
use std::process::ExitCode;

/// Rows were left out because they could not be read.
const BAD_ROWS: u8 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run_told(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(bad) => {
            eprintln!("dsl-examples: {bad} rows could not be read; all others are in the report");
            ExitCode::from(BAD_ROWS)
        }
        Err(error) => {
            let causes =
                std::iter::successors(Some(&*error as &dyn std::error::Error), |error| error.source());
            let text: Vec<_> = causes.map(ToString::to_string).collect();
            eprintln!("dsl-examples: {}", text.join(": "));
            ExitCode::FAILURE
        }
    }
}

/// The same while a collector is told of it, if one is named.
#[cfg(feature = "otel")]
fn run_told(arguments: &Arguments) -> Result<u64, desk::drive::Failure> {
    let Some(collector) = &arguments.otel else { return run(arguments) };
    let telemetry = desk::telemetry::Telemetry::start(collector)?;
    let bad = run(arguments);
    telemetry.end()?;
    bad
}

#[cfg(not(feature = "otel"))]
fn run_told(arguments: &Arguments) -> Result<u64, desk::drive::Failure> {
    run(arguments)
}

/// Runs the job, or tells what was; the answer is the number of bad rows.
#[tokio::main]
async fn run(arguments: &Arguments) -> Result<u64, desk::drive::Failure> {
    if let Some(past) = &arguments.past {
        desk::past::tell(past, &arguments.store).await?;
        return Ok(0);
    }
    let input = Input::open(arguments.input.as_deref(), arguments.seed)?;
    let (report, bad) = desk::drive::drive(arguments, input).await?;
    let text = match arguments.report {
        Form::Json => serde_json::to_string_pretty(&report)?,
        Form::Table => report.to_string(),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(bad)
}
