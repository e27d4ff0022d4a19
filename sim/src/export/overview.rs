//! What a sweep has seen as one page of HTML that needs nothing else: failures by cause, runs over time, faults,
//! states, and how often each kind of calls has met each fault.

use std::collections::BTreeMap;

use super::html::{escaped, fill};
use crate::pairs;
use crate::summary::{Part, SweepSummary};

const PAGE: &str = include_str!("overview/overview.html");
const STYLE: &str = include_str!("overview/overview.css");

/// The size of the curve of runs over time, and the room for its labels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 60.0;
const BELOW: f64 = 22.0;

/// Returns a summary as a page. `verbs` and `faults` are the first words of the calls and faults of the subject.
#[must_use]
pub fn overview(title: &str, summary: &SweepSummary, verbs: &[&str], faults: &[&str]) -> String {
    let body = [
        verdict(summary),
        failures(summary),
        curve(&summary.parts),
        format!(
            "<div class=columns>\n<div>{}</div>\n<div>{}</div>\n</div>\n",
            bars("Faults", &summary.faults),
            bars("States", &summary.reached)
        ),
        heat(&summary.pairs, verbs, faults),
    ];
    let (body, title) = (body.concat(), escaped(title));
    let places = [("{{BODY}}", &*body), ("{{STYLE}}", STYLE), ("{{TITLE}}", &title), ("{{TITLE}}", &title)];
    fill(PAGE, &places)
}

fn verdict(summary: &SweepSummary) -> String {
    let SweepSummary { runs, twice, cpu_seconds, wall_seconds, .. } = summary;
    let (of_runs, of_time) = summary.rates();
    let broken = summary.broken.len();
    let class = if broken == 0 { "fine" } else { "bad" };
    let planted = summary.bug.as_ref().map_or(String::new(), |bug| format!(", with {} planted", escaped(bug)));
    let missing: String = summary
        .missing()
        .iter()
        .chain(&summary.ended_early())
        .map(|what| format!("<p class=soft>{}</p>\n", escaped(what)))
        .collect();
    format!(
        "<p class={class}>{runs} runs{planted}, {twice} of them twice, {broken} broke a promise</p>\n{missing}\
         <p>{wall_seconds:.1} seconds, {cpu_seconds:.1} of processors: {of_runs:.0} runs and {of_time:.0} virtual \
         seconds a second of a processor</p>\n\
         <p class=soft>{}. The same as <a href=\"summary.json\">summary.json</a>.</p>\n",
        escaped(&summary.built),
    )
}

fn failures(summary: &SweepSummary) -> String {
    if summary.groups.is_empty() {
        return String::new();
    }
    let rows = summary.groups.iter().map(|group| {
        let folder = escaped(&group.folder);
        let steps = group.steps.map_or("-".to_owned(), |steps| steps.to_string());
        format!(
            "<tr><td class=bad>{}</td><td>{}</td><td class=number>{}</td><td class=number>{}</td>\
             <td class=number>{steps}</td><td><a href=\"{folder}/run.html\">page</a> \
             <a href=\"{folder}/report.txt\">report</a> <a href=\"{folder}/run.plan\">plan</a> \
             <a href=\"{folder}/run.trace\">trace</a></td></tr>\n",
            escaped(&group.oracle),
            escaped(&group.cause),
            group.seeds,
            group.first,
        )
    });
    format!(
        "<h2>Broken promises</h2>\n<div class=wide><table class=failures>\n<tr><th>Oracle</th><th>Cause</th>\
         <th class=number>Seeds</th><th class=number>First</th><th class=number>Steps</th><th></th></tr>\n\
         {}</table></div>\n",
        rows.collect::<String>()
    )
}

/// Draws how many runs each part had done after which time.
fn curve(parts: &[Part]) -> String {
    let points = || parts.iter().flat_map(|part| &part.curve);
    let (seconds, runs) =
        points().fold((0.0_f64, 1), |(seconds, runs), point| (seconds.max(point.0), runs.max(point.1)));
    if seconds == 0.0 {
        return String::new();
    }
    let x = |after: f64| LEFT + after / seconds * (WIDTH - LEFT - 10.0);
    let y = |done: u64| (HEIGHT - BELOW) - whole(done) / whole(runs) * (HEIGHT - BELOW - 14.0);
    let paths = parts.iter().map(|part| {
        let points = part.curve.iter().map(|(after, done)| format!(" L{:.1} {:.1}", x(*after), y(*done)));
        format!("<path d=\"M{LEFT} {:.1}{}\"><title>{part}</title></path>\n", y(0), points.collect::<String>())
    });
    format!(
        "<h2>Runs over time</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img \
         aria-label=\"{runs} runs in {seconds:.1} seconds\">\n<line x1={LEFT} y1={base:.1} x2={WIDTH} y2={base:.1} />\n\
         <line x1={LEFT} y1={base:.1} x2={LEFT} y2=0 />\n\
         {paths}<text x={label} y={top:.1} text-anchor=end>{runs}</text>\n\
         <text x={label} y={base:.1} text-anchor=end>0</text>\n\
         <text x={WIDTH} y={below:.1} text-anchor=end>{seconds:.1} s</text>\n</svg>\n",
        base = y(0),
        paths = paths.collect::<String>(),
        label = LEFT - 8.0,
        top = y(runs) + 4.0,
        below = HEIGHT - 6.0,
    )
}

/// Draws counts as bars. Their lengths are logarithms, because some things happen a thousand times as often as others.
fn bars(title: &str, counts: &BTreeMap<String, u64>) -> String {
    let most = counts.values().copied().max().unwrap_or(0);
    let rows = counts.iter().map(|(name, count)| {
        let class = if *count == 0 { " bad" } else { "" };
        format!(
            "<tr><td>{}</td><td class=\"number{class}\">{count}</td>\
             <td class=bar><i style=\"width:{:.0}%\"></i></td></tr>\n",
            escaped(name),
            100.0 * share(*count, most)
        )
    });
    format!(
        "<h2>{title}</h2>\n<p class=soft>How often. The bars are logarithms.</p>\n<table class=bars>\n{}</table>\n",
        rows.collect::<String>()
    )
}

/// Draws how often each kind of calls has met each fault: the more often, the darker.
fn heat(pairs: &BTreeMap<String, u64>, verbs: &[&str], faults: &[&str]) -> String {
    if verbs.is_empty() {
        return String::new();
    }
    let most = pairs.values().copied().max().unwrap_or(0);
    let cell = |verb: &str, fault: &str| {
        let pair = pairs::name(verb, fault);
        match pairs.get(&pair) {
            Some(count) => {
                format!("<td title=\"{pair}: {count}\"><i style=\"opacity:{:.2}\"></i></td>", share(*count, most))
            }
            None => format!("<td class=never title=\"{pair}: never\"></td>"),
        }
    };
    let head: String = verbs.iter().map(|verb| format!("<th>{verb}</th>")).collect();
    let rows = faults.iter().map(|fault| {
        let cells: String = verbs.iter().map(|verb| cell(verb, fault)).collect();
        format!("<tr><th>{fault}</th>{cells}</tr>\n")
    });
    format!(
        "<h2>Calls that met faults</h2>\n<p class=soft>The darker, the more often; red is never.</p>\n\
         <div class=wide><table class=heat>\n<thead><tr><th></th>{head}</tr></thead>\n\
         <tbody>\n{}</tbody></table></div>\n",
        rows.collect::<String>()
    )
}

/// Returns how long or dark a count is shown beside the largest one, from 0 to 1.
fn share(count: u64, most: u64) -> f64 {
    if most == 0 { 0.0 } else { (whole(count) + 1.0).ln() / (whole(most) + 1.0).ln() }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more digits")]
fn whole(count: u64) -> f64 {
    count as f64
}
