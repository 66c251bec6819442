//! `horde-refd env`: what a worker's environment needs to read this mirror, to eval or to paste.
//!
//! The Python package reads `$AIWORKER_CACHE_HOME/horde_model_reference`, and with `HORDE_MODEL_REFERENCE_OFFLINE` it never
//! asks the network.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::args::{Common, EnvArgs, EnvFormat};
use super::output::Output;
use super::{Exit, UsageError};

/// The directory below a cache home that the package reads.
const DIRECTORY: &str = "horde_model_reference";

pub(super) fn main(common: &Common, args: &EnvArgs) -> anyhow::Result<Exit> {
    let config = common.load()?.config;
    let lines = lines(&config.base_path, args.format)?;
    let mut out = Output::stdout();
    out.bytes(&lines)?;
    out.finish()?;
    Ok(Exit::Done)
}

/// A line a variable.
fn lines(base_path: &Path, format: EnvFormat) -> Result<Vec<u8>, UsageError> {
    let home = cache_home(base_path)?;
    let variables = [
        ("AIWORKER_CACHE_HOME", home.as_os_str()),
        ("HORDE_MODEL_REFERENCE_OFFLINE", OsStr::new("true")),
    ];
    let mut lines = Vec::new();
    for (name, value) in variables {
        let value = value.as_bytes();
        match format {
            EnvFormat::Sh => {
                lines.extend_from_slice(format!("export {name}=").as_bytes());
                lines.extend(in_single_quotes(value));
            }
            EnvFormat::Systemd => {
                let assignment = [name.as_bytes(), b"=", value].concat();
                let quoted = in_unit_quotes(&assignment);
                lines.extend_from_slice(format!("Environment={quoted}").as_bytes());
            }
            EnvFormat::Docker => {
                lines.extend_from_slice(format!("{name}=").as_bytes());
                lines.extend_from_slice(in_env_file(value)?.as_bytes());
            }
        }
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The directory that `AIWORKER_CACHE_HOME` must name for a mirror to be read.
fn cache_home(base_path: &Path) -> Result<&Path, UsageError> {
    let shown = base_path.display();
    match (base_path.file_name(), base_path.parent()) {
        (Some(name), Some(home)) if name == DIRECTORY => Ok(home),
        _ => Err(UsageError(format!(
            "no environment makes a worker read the mirror {shown}: the Python package reads \
             $AIWORKER_CACHE_HOME/{DIRECTORY}, so base_path must end in {DIRECTORY}, for example {}",
            base_path.join(DIRECTORY).display()
        ))),
    }
}

/// For a POSIX shell: nothing is special between single quotes but the quote itself.
fn in_single_quotes(value: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in value {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            byte => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// For a unit: double quotes, C escapes, and `%` doubled, since it begins a specifier.
fn in_unit_quotes(assignment: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for chunk in assignment.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                '%' => quoted.push_str("%%"),
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                control if control.is_ascii_control() => {
                    // Writing to a string does not fail.
                    let _ = write!(quoted, "\\x{:02x}", u32::from(control));
                }
                plain => quoted.push(plain),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(quoted, "\\x{byte:02x}");
        }
    }
    quoted.push('"');
    quoted
}

/// For `docker run --env-file`: everything to the end of the line, as it stands.
fn in_env_file(value: &[u8]) -> Result<&str, UsageError> {
    let text = std::str::from_utf8(value).ok();
    text.filter(|text| !text.contains(['\n', '\r', '\0'])).ok_or_else(|| {
        let shown = String::from_utf8_lossy(value);
        UsageError(format!(
            "an env file for docker cannot hold the path {shown:?}: it knows no quotes, so no line end and nothing but UTF-8"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn shown(path: &[u8], format: EnvFormat) -> Result<String, String> {
        let path = Path::new(OsStr::from_bytes(path));
        lines(path, format)
            .map(|lines| String::from_utf8_lossy(&lines).into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_format_has_its_quotes() {
        use EnvFormat::{Docker, Sh, Systemd};
        let table: &[(&[u8], EnvFormat, &str)] = &[
            (
                b"/var/lib/horde-refd",
                Sh,
                "export AIWORKER_CACHE_HOME='/var/lib/horde-refd'",
            ),
            (
                b"/it's $HOME `x`",
                Sh,
                r"export AIWORKER_CACHE_HOME='/it'\''s $HOME `x`'",
            ),
            (
                b"/var/lib/horde-refd",
                Systemd,
                "Environment=\"AIWORKER_CACHE_HOME=/var/lib/horde-refd\"",
            ),
            (
                b"/100% \"a\\b\" $X\nline\x01",
                Systemd,
                r#"Environment="AIWORKER_CACHE_HOME=/100%% \"a\\b\" $X\nline\x01""#,
            ),
            (
                b"/caf\xe9",
                Systemd,
                r#"Environment="AIWORKER_CACHE_HOME=/caf\xe9""#,
            ),
            (
                b"/var/lib/horde-refd",
                Docker,
                "AIWORKER_CACHE_HOME=/var/lib/horde-refd",
            ),
            (
                b"/with \"quotes\" and blanks ",
                Docker,
                "AIWORKER_CACHE_HOME=/with \"quotes\" and blanks ",
            ),
            (b"", Docker, "AIWORKER_CACHE_HOME=/"),
        ];
        for (home, format, expected) in table {
            let found = shown(
                &[home, b"/horde_model_reference".as_slice()].concat(),
                *format,
            )
            .unwrap();
            let mut lines = found.lines();
            assert_eq!(lines.next(), Some(*expected), "{found}");
            let second = lines.next().unwrap();
            assert!(
                second.contains("HORDE_MODEL_REFERENCE_OFFLINE=") && second.contains("true"),
                "{second}"
            );
            assert_eq!(lines.next(), None);
        }
    }

    #[test]
    fn a_shell_gets_every_byte_back() {
        let home = b"/a 'b' \"c\" $d `e` \\f !g\nh\xe9";
        let path = [home.as_slice(), b"/horde_model_reference"].concat();
        let script = lines(Path::new(OsStr::from_bytes(&path)), EnvFormat::Sh).unwrap();
        let ran = Command::new("sh")
            .arg("-c")
            .arg("eval \"$1\"; printf %s \"$AIWORKER_CACHE_HOME|$HORDE_MODEL_REFERENCE_OFFLINE\"")
            .arg("sh")
            .arg(OsStr::from_bytes(&script))
            .env_clear()
            .output()
            .unwrap();
        assert_eq!(ran.stdout, [home.as_slice(), b"|true"].concat());
    }

    #[test]
    fn what_no_environment_can_name_is_refused_with_the_reason() {
        let error = shown(b"/srv/mirror", EnvFormat::Sh).unwrap_err();
        assert!(error.contains("/srv/mirror:"), "{error}");
        assert!(
            error.ends_with(
                "must end in horde_model_reference, for example /srv/mirror/horde_model_reference"
            ),
            "{error}"
        );
        for path in [
            &b"/a\nb/horde_model_reference"[..],
            b"/caf\xe9/horde_model_reference",
        ] {
            let error = shown(path, EnvFormat::Docker).unwrap_err();
            assert!(error.contains("env file"), "{error}");
        }
        assert!(shown(b"/", EnvFormat::Sh).is_err());
    }
}
