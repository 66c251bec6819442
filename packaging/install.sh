#!/bin/sh
# Installs horde-refd from a checkout or an unpacked archive, where no package fits.
#
#   packaging/install.sh [PREFIX]               as root; PREFIX is /usr/local by default
#   packaging/install.sh --uninstall [PREFIX]   removes what it installed; the configuration and the mirror stay
#
# The program is target/release/horde-refd, which cargo builds if it is not there, or ./horde-refd of an archive. With
# systemd the service is enabled and started; what is in /etc/horde-refd/config.toml stays as it is. DESTDIR is put before
# every path, for those who make packages: then nothing is enabled or started.
set -eu

cd "$(dirname "$0")/.."
uninstall=no
if [ "${1-}" = --uninstall ]; then
    uninstall=yes
    shift
fi
case ${1-} in
-*) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
prefix=${1:-/usr/local}
root=${DESTDIR-}
units=$root/etc/systemd/system
[ -z "$root" ] || units=$root$prefix/lib/systemd/system
share=$root$prefix/share
# systemd reads these two below /usr/lib and /etc, not below a prefix.
sysusers=$root/etc/sysusers.d/horde-refd.conf
tmpfiles=$root/etc/tmpfiles.d/horde-refd.conf

running_systemd() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

if [ "$uninstall" = yes ]; then
    if running_systemd; then
        systemctl disable --now horde-refd.service horde-refd-sync.timer 2>/dev/null || true
    fi
    rm -f "$root$prefix/bin/horde-refd" "$units"/horde-refd.service "$units"/horde-refd-sync.service \
        "$units"/horde-refd-sync.timer "$sysusers" "$tmpfiles" \
        "$share"/man/man1/horde-refd.1 "$share"/man/man1/horde-refd-*.1 "$share"/man/man5/horde-refd.toml.5 \
        "$share"/bash-completion/completions/horde-refd "$share"/zsh/site-functions/_horde-refd \
        "$share"/fish/vendor_completions.d/horde-refd.fish
    rm -rf "$share/doc/horde-refd"
    if running_systemd; then
        systemctl daemon-reload
    fi
    echo "Left: $root/etc/horde-refd, $root/var/lib/horde-refd and the user horde-refd."
    exit 0
fi

program=target/release/horde-refd
[ ! -x horde-refd ] || program=horde-refd
if [ ! -x "$program" ]; then
    cargo build --release --locked
fi
put() { # MODE DESTINATION SOURCE...
    mode=$1 destination=$2
    shift 2
    install -d -m 755 "$destination"
    install -m "$mode" -t "$destination" "$@"
}
put 755 "$root$prefix/bin" "$program"
put 644 "$share/man/man1" packaging/man/*.1
put 644 "$share/man/man5" packaging/man/*.5
install -D -m 644 packaging/completions/horde-refd.bash "$share/bash-completion/completions/horde-refd"
install -D -m 644 packaging/completions/horde-refd.zsh "$share/zsh/site-functions/_horde-refd"
install -D -m 644 packaging/completions/horde-refd.fish "$share/fish/vendor_completions.d/horde-refd.fish"
put 644 "$share/doc/horde-refd" README.md CHANGELOG.md SECURITY.md LICENSE-APACHE LICENSE-MIT packaging/horde-refd.cdx.json
put 644 "$share/doc/horde-refd/examples/systemd" systemd/examples/*
for examples in nginx prometheus grafana; do
    [ ! -d "packaging/$examples" ] || put 644 "$share/doc/horde-refd/examples/$examples" "packaging/$examples"/*
done
if [ ! -e "$root/etc/horde-refd/config.toml" ]; then
    install -D -m 644 config.example.toml "$root/etc/horde-refd/config.toml"
fi
install -D -m 644 systemd/sysusers.d/horde-refd.conf "$sysusers"
install -D -m 644 systemd/tmpfiles.d/horde-refd.conf "$tmpfiles"
install -d -m 755 "$units"
for unit in systemd/*.service systemd/*.timer; do
    sed "s|/usr/bin/horde-refd|$prefix/bin/horde-refd|; s|/usr/share/doc|$prefix/share/doc|" "$unit" \
        >"$units/${unit#systemd/}"
    chmod 644 "$units/${unit#systemd/}"
done
if running_systemd; then
    systemd-sysusers "$sysusers"
    systemd-tmpfiles --create "$tmpfiles"
    systemctl daemon-reload
    systemctl enable horde-refd.service
    systemctl restart horde-refd.service
fi
