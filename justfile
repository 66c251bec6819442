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

# This many SIGKILLs in all at random moments of sync, run, accept, rollback and unpin, beside readers that parse everything.
crash COUNT="2000":
    HORDE_REFD_KILLS={{COUNT}} cargo test --test it at_any_moment -- --nocapture

# Every fuzz target, or those whose test's name has these words, for so many seconds each; what is new is kept.
fuzz SECONDS="600" WORDS="":
    HORDE_REFD_FUZZ_SECONDS={{SECONDS}} HORDE_REFD_FUZZ_SEED=$(date +%s) cargo test --profile fuzz --test it fuzz::any_{{WORDS}} -- --nocapture --test-threads 1

# A life of faults for so long (90s, 10m, 1h), from a printed seed.
soak TIME="1h":
    HORDE_REFD_SOAK_SECONDS=$(( $(echo {{TIME}} | sed 's/h$/*3600/; s/m$/*60/; s/s$//') )) cargo test --test it soak:: -- --nocapture

# docs/reliability.md, from a run of its tests.
reliability:
    tests/reliability

# Changes the decisions one by one and runs the unit tests (cargo install cargo-mutants); see docs/mutants.md.
mutants:
    cargo mutants -f 'src/verdict/*.rs' -f 'src/draft/**/*.rs' -f 'src/cycle/plan*' -f src/ledger/fold.rs -f src/freshness.rs -C=--lib

bench *ARGS:
    cargo bench {{ARGS}}

# Licences, sources, one TLS stack, no second version without a reason.
deny:
    tests/packaging/deny

# Known holes in what is linked: asks for the advisory database, which is not reachable everywhere.
advisories: deny
    PATH=$PWD/target/tools/bin:$PATH cargo deny check advisories

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

# The Debian package and the wheel, built and looked at, and the package under a real systemd (as root).
packages:
    packaging/sbom --check
    tests/packaging/run.sh
    tests/systemd/package.sh target/debian/horde-refd_*.deb

# What a release has, in target/release-files: the Debian package, the RPM, the wheel, the bill of materials, checksums.
release: generated
    tests/packaging/release
