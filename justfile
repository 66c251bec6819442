# What CI runs, and the handful of commands that one types often.

# Format, lints, documentation, tests.
check: fmt clippy doc test

fmt:
    cargo fmt --check

clippy:
    cargo clippy --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

test *ARGS:
    tests/run {{ARGS}}

# Readers that parse everything during this many forced cycles.
readers COUNT="10000":
    HORDE_REFD_CYCLES={{COUNT}} cargo test --test it readers_during_forced -- --nocapture

# This many SIGKILLs of sync, and of run, beside a reader that parses everything.
kills COUNT="2000":
    HORDE_REFD_KILLS={{COUNT}} cargo test --test it at_any_moment -- --nocapture

bench *ARGS:
    cargo bench {{ARGS}}

# Licences, advisories, duplicates (cargo install cargo-deny).
deny:
    cargo deny check

# A mirror of the sample upstream in ./mirror.
sample:
    cargo run --release -- sync --base-path ./mirror --upstream tests/fixtures/upstream --layout github

# Writes config.example.toml anew, from the table of keys.
example-config:
    BLESS=1 cargo test --lib config::example

# Writes everything anew that is made from the code: the example configuration, man pages, completions, SBOM.
generated: example-config
    BLESS=1 cargo test --test it cli::packaging::the_shipped
    packaging/sbom
