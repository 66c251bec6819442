use super::*;
use clap::CommandFactory;
use clap::error::ErrorKind;

#[test]
fn the_definition_holds_together() {
    Args::command().debug_assert();
}

#[test]
fn the_contract_is_accepted() {
    for line in [
        "run",
        "run -c x.toml --base-path m --upstream https://h --layout flat -vv",
        "sync",
        "sync --force image_generation lora --json",
        "sync --dry-run --force clip",
        "--base-path m sync -q",
        "convert blip",
        "convert image_generation file.json",
        "convert --legacy-view text_generation models.csv",
        "convert --legacy-view --no-backend-prefixes text_generation",
        "check",
        "check blip clip=clip.json text_generation=a=b.csv --json",
        "show clip",
        "show clip ViT-L/14 --legacy",
        "status --check",
        "status --watch --color never",
        "history",
        "history clip --json",
        "diff clip",
        "diff clip --incoming --exit-code",
        "diff clip 0f3a",
        "diff clip 0f3a 81bc --exit-code --json",
        "refresh",
        "refresh --wait --timeout 90s",
        "config --default --json",
        "env",
        "env --format sh",
        "env --format systemd",
        "env --format docker",
        "man",
        "man --out target/man",
        "completions bash",
        "completions zsh",
        "completions fish",
    ] {
        let words = std::iter::once("horde-refd").chain(line.split(' '));
        let parsed = Args::try_parse_from(words);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn mistakes_are_refused_with_the_known_words() {
    let table = [
        (
            "",
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            "Usage",
        ),
        (
            "sync image_generatio",
            ErrorKind::InvalidValue,
            "'image_generation'",
        ),
        ("convert", ErrorKind::MissingRequiredArgument, "CATEGORY"),
        ("diff", ErrorKind::MissingRequiredArgument, "CATEGORY"),
        (
            "diff clip 0f3a --incoming",
            ErrorKind::ArgumentConflict,
            "--incoming",
        ),
        ("convert x", ErrorKind::InvalidValue, "text_generation"),
        (
            "convert --no-backend-prefixes blip",
            ErrorKind::MissingRequiredArgument,
            "--legacy-view",
        ),
        (
            "convert stable_diffusion",
            ErrorKind::InvalidValue,
            "tip: did you mean image_generation (its file is stable_diffusion.json)?",
        ),
        (
            "check stable_diffusion=x.json",
            ErrorKind::ValueValidation,
            "did you mean image_generation (its file is stable_diffusion.json)?",
        ),
        (
            "env --format csh",
            ErrorKind::InvalidValue,
            "sh, systemd, docker",
        ),
        (
            "completions elvish",
            ErrorKind::InvalidValue,
            "bash, zsh, fish",
        ),
        ("check foo=bar", ErrorKind::ValueValidation, "known: blip"),
        ("check blip=", ErrorKind::ValueValidation, "no file"),
        (
            "run --layout nested",
            ErrorKind::InvalidValue,
            "github, flat",
        ),
        ("run -v -q", ErrorKind::ArgumentConflict, "--quiet"),
        (
            "refresh --wait --timeout 5",
            ErrorKind::ValueValidation,
            "with a unit",
        ),
        (
            "status --check --watch",
            ErrorKind::ArgumentConflict,
            "--watch",
        ),
    ];
    for (line, kind, text) in table {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let error = Args::try_parse_from(std::iter::once("horde-refd").chain(words)).unwrap_err();
        assert_eq!(error.kind(), kind, "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(text), "{line}: {error}");
    }
}

#[test]
fn what_is_for_packagers_is_not_in_the_summary() {
    let help = Args::command().render_help().to_string();
    let names = |help: &str, word: &str| help.lines().any(|it| it.trim_start().starts_with(word));
    assert!(names(&help, "env "), "{help}");
    for word in ["man ", "completions "] {
        assert!(!names(&help, word), "{help}");
    }
}
