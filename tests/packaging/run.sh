#!/bin/bash
# Builds the Debian package and the wheel, and looks at both from outside.
#
#   tests/packaging/run.sh      installs cargo-deb below target/tools, and maturin in a fresh environment
#
# Both have the program of one release build. The wheel is put into $HORDE_REFD_WHEELS, if that is set.
set -euo pipefail
cd "$(dirname "$0")/../.."

since=$SECONDS
took() { # WHAT
    echo "   $((SECONDS - since)) s: $1"
    since=$SECONDS
}

export PATH=$PWD/target/tools/bin:$PATH
if ! cargo deb --version >/dev/null 2>&1; then
    # No lzma: its C library takes longer to build than it saves bytes.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug cargo-deb@3.8.0 --no-default-features --features gzip --root target/tools
    took "cargo install cargo-deb"
fi

echo "-- the release build"
cargo build --quiet --release --locked --bin horde-refd
took "cargo build --release"

echo "-- cargo deb"
rm -f target/debian/*.deb
cargo deb --quiet --no-build
package=$(echo target/debian/horde-refd_*.deb)
echo "$package: $(stat -c %s "$package") bytes"
took "cargo deb"
lintian --allow-root --fail-on error,warning,info --display-info "$package"
took "lintian"

echo "-- the wheel"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
environment=$work/environment
python=${HORDE_REFD_PYTHON:-$PWD/target/python/bin/python}
[ -x "$python" ] || python=$(command -v python3)
"$python" -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.7,<2'
(cd packaging/python && "$environment/bin/maturin" build --quiet --release --out "$work/wheels" \
    --target-dir ../../target)
echo "$(basename "$work"/wheels/*.whl): $(stat -c %s "$work"/wheels/*.whl) bytes"
[ -z "${HORDE_REFD_WHEELS-}" ] || cp "$work"/wheels/*.whl "$HORDE_REFD_WHEELS"
took "maturin build"

# As a worker's environment has it: the reference package's own, where tests/run made one, with the wheel beside it.
worker=$work/worker
"$python" -m venv --system-site-packages "$worker"
"$python" -c 'import site; print("\n".join(site.getsitepackages()))' >"$(echo "$worker"/lib/python3.*/site-packages)/worker.pth"
"$worker/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps "$work"/wheels/*.whl
upstream=$PWD/tests/fixtures/upstream
(
    cd "$work"
    # shellcheck disable=SC1091 # made above
    source "$worker/bin/activate"
    [ "$(command -v horde-refd)" = "$worker/bin/horde-refd" ]
    export AIWORKER_CACHE_HOME=$work/cache
    horde-refd sync --quiet --upstream "$upstream" --layout github
    eval "$(horde-refd env)"
    if python -c 'import horde_model_reference' 2>/dev/null; then
        python - <<'PYTHON'
from horde_model_reference import MODEL_REFERENCE_CATEGORY, ModelReferenceManager

manager = ModelReferenceManager()
assert type(manager.backend).__name__ == "LocalReadOnlyBackend", manager.backend
models = manager.get_model_reference(MODEL_REFERENCE_CATEGORY.image_generation)
assert models, models
print("the package's offline client reads", len(models), "image models")
PYTHON
    else
        echo "SKIPPED the package's offline client: no Python with horde_model_reference"
    fi
)
took "the wheel in a worker's environment"
echo "2 passed, 0 failed"
