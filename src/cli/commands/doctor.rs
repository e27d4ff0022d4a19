//! `dacapo doctor`: says what is wrong with a data directory, the machine, the node and its peers, and what to do about
//! it. Nothing is changed, and a node may be running or not.

mod directory;
mod finding;
mod machine;
mod running;

use std::path::Path;

use dacapo::transport::Address;
use dacapo::view::show;

use crate::cli::arguments::DoctorArguments;
use crate::cli::error::CliError;
use crate::cli::output;
use finding::{Finding, Verdict};

pub(crate) async fn run(arguments: &DoctorArguments) -> Result<(), CliError> {
    let findings = examine(&arguments.data.dir, arguments.listen.as_ref(), &arguments.peers).await;
    for finding in &findings {
        if arguments.json {
            output::json(finding)?;
        } else {
            lines(finding).iter().try_for_each(|line| output::line(line))?;
        }
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        failed => Err(CliError::Unwell { found: show::count(failed as u64, "thing") }),
    }
}

fn lines(finding: &Finding) -> Vec<String> {
    let Finding { what, verdict, found, advice } = finding;
    let first = format!("{:4}  {what:9}  {found}", verdict.word());
    let advice = advice.iter().map(|advice| format!("{:17}{advice}", ""));
    std::iter::once(first).chain(advice).collect()
}

/// Looks at everything. A directory that is none leaves nothing else to look at.
async fn examine(data: &Path, listen: Option<&Address>, peers: &[Address]) -> Vec<Finding> {
    let mut findings = match directory::look(data) {
        Ok(findings) => findings,
        Err(useless) => return vec![useless],
    };
    findings.push(machine::space(data));
    findings.push(machine::clock(data));
    findings.push(machine::descriptors());
    findings.extend(running::look(data, listen, peers).await);
    findings
}
