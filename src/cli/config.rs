//! The config file: defaults, in TOML, for the options that the environment can set too. The command line goes before
//! the environment, and the environment before the file.

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches, ValueHint};
use toml::{Table, Value};

use super::arguments::Arguments;
use super::limits::CONFIG_FILE_BYTES_MAX;

pub(crate) use error::ConfigError;

/// What the variables of the options begin with.
const VARIABLE_PREFIX: &str = "DACAPO_";

/// How like a key has to be to be meant by another. Chosen: as clap does for options.
const LIKENESS_MIN: f64 = 0.7;

/// Why there are no arguments.
pub(crate) enum ParseError {
    /// Help, or a wrong command line.
    Usage(clap::Error),
    Config(ConfigError),
}

/// Parses a command line, with what the config file says that it or the environment names.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Arguments, ParseError> {
    let line: Vec<_> = line.into_iter().collect();
    let mut command = Arguments::command();
    if let Some(file) = named(&command, &line) {
        command = with(command, &file).map_err(ParseError::Config)?;
    }
    let unused = has_names(&line).then(|| command.clone());
    let mut matched = command.try_get_matches_from_mut(&line);
    if let Some(unused) = unused.filter(|_| matched.as_ref().is_err_and(lacks_key)) {
        command = without_command(unused);
        matched = command.try_get_matches_from_mut(&line);
    }
    let parsed = matched.and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| ParseError::Usage(error.format(&mut command)))
}

/// Whether a `put` is told no key before a `--`.
fn lacks_key(error: &clap::Error) -> bool {
    let is_key = |missing: &String| missing == "<KEY|DIR>";
    matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::Strings(missing)) if missing.iter().any(is_key))
}

/// Whether what follows a `--` may be a key and a file.
fn has_names(line: &[OsString]) -> bool {
    let Some(end) = line.iter().position(|word| word == "--") else { return false };
    line[end + 1..].len() <= 2 && line[..end].iter().all(|word| word != "--from-command")
}

/// Has `put` take what follows a `--` as its key and its file, as other commands do, and not as a command to run.
fn without_command(command: Command) -> Command {
    command.mut_subcommand("put", |put| put.mut_arg("command", |words| words.last(false)))
}

/// Returns the config file that a command line or the environment names, whatever else is wrong with the line.
fn named(command: &Command, line: &[OsString]) -> Option<PathBuf> {
    let matches = command.clone().ignore_errors(true).try_get_matches_from(line).ok()?;
    matches.get_one::<PathBuf>("config").filter(|file| !file.as_os_str().is_empty()).cloned()
}

/// Gives the options of a command the defaults of a config file.
fn with(command: Command, file: &Path) -> Result<Command, ConfigError> {
    let settings = read(file)?;
    let mut options = BTreeMap::new();
    collect(&command, &mut options);
    let mut defaults = BTreeMap::new();
    for (key, value) in settings {
        let Some(option) = options.get(&key) else {
            return Err(ConfigError::Unknown { file: file.to_owned(), suggestion: closest(&key, &options), key });
        };
        let texts = texts(value, is_path(option)).and_then(|texts| checked(option, texts, file));
        let texts = texts.map_err(|reason| ConfigError::Value { file: file.to_owned(), key: key.clone(), reason })?;
        defaults.insert(key, texts);
    }
    Ok(with_defaults(command, &defaults))
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { file: path.to_owned(), source };
    let mut text = String::new();
    let mut file = File::open(path).map_err(unreadable)?.take(CONFIG_FILE_BYTES_MAX + 1);
    file.read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > CONFIG_FILE_BYTES_MAX {
        return Err(ConfigError::TooLong { file: path.to_owned() });
    }
    text.parse().map_err(|error: toml::de::Error| ConfigError::NotToml {
        file: path.to_owned(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

/// Returns the options that a file may set, of a command and all below it, by their names.
fn collect(command: &Command, options: &mut BTreeMap<String, Arg>) {
    for option in command.get_arguments().filter(|option| is_settable(option)) {
        let name = option.get_long().expect("it has a long name");
        options.entry(name.to_owned()).or_insert_with(|| option.clone());
    }
    command.get_subcommands().for_each(|command| collect(command, options));
}

/// Tells whether a file may set an option: if a variable may, except for the one that names the file.
fn is_settable(option: &Arg) -> bool {
    let variable = option.get_env().and_then(|variable| variable.to_str());
    let has_long = option.get_long().is_some();
    has_long && option.get_id() != "config" && variable.is_some_and(|variable| variable.starts_with(VARIABLE_PREFIX))
}

fn closest(key: &str, options: &BTreeMap<String, Arg>) -> Option<String> {
    let likeness = options.keys().map(|option| (strsim::jaro(key, option), option));
    let (likeness, option) = likeness.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness > LIKENESS_MIN).then(|| option.clone())
}

/// Whether the value of an option is a path.
fn is_path(option: &Arg) -> bool {
    matches!(option.get_value_hint(), ValueHint::DirPath | ValueHint::FilePath)
}

/// Returns a value as it would be typed; a list as several. A number is no path.
fn texts(value: Value, is_path: bool) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Integer(_) if is_path => Err("expected a text, found an integer".to_owned()),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Array(values) => {
            let mut all = Vec::new();
            for value in values {
                match value {
                    Value::Array(_) => return Err("expected texts in the list, found a list".to_owned()),
                    value => all.extend(texts(value, is_path)?),
                }
            }
            Ok(all)
        }
        other => Err(format!("expected a text or a number, found a {}", other.type_str())),
    }
}

/// Checks that an option takes these values. A path in a file begins at the folder of the file.
fn checked(option: &Arg, texts: Vec<String>, file: &Path) -> Result<Vec<OsString>, String> {
    if texts.len() != 1 && !matches!(option.get_action(), ArgAction::Append) {
        return Err(format!("expected one value, found {}", texts.len()));
    }
    let name = option.get_long().expect("it has a long name");
    for text in &texts {
        let alone = Command::new("config").no_binary_name(true).arg(option.clone().required(false));
        if let Err(error) = alone.try_get_matches_from([format!("--{name}={text}")]) {
            let reason = error.source().map_or_else(|| one_of(option), ToString::to_string);
            return Err(format!("invalid value {text:?}: {reason}"));
        }
    }
    let folder = file.parent().filter(|_| is_path(option));
    Ok(texts.into_iter().map(|text| folder.map_or_else(|| text.clone().into(), |at| at.join(&text).into())).collect())
}

/// Says what an option takes: a few words, or any path.
fn one_of(option: &Arg) -> String {
    if option.get_possible_values().is_empty() {
        return "it is empty".to_owned();
    }
    let words: Vec<_> = option.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
    format!("expected {}", words.join(" or "))
}

fn with_defaults(command: Command, defaults: &BTreeMap<String, Vec<OsString>>) -> Command {
    let set = |option: Arg| match option.get_long().and_then(|name| defaults.get(name)) {
        Some(texts) if is_settable(&option) => option.required(false).default_values(texts.clone()),
        _ => option,
    };
    command.mut_args(set).mut_subcommands(|command| with_defaults(command, defaults))
}
