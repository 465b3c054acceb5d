#!/bin/sh
# Installs uni-api as a systemd service, from an unpacked release or a repository
# in which `make` has run. Run again with a newer release, it upgrades.
#
#   sudo deploy/install.sh
#
# It writes /usr/local/bin/uni-api, the units, the manual page, the documentation,
# and, where they are missing, /etc/uni-api/api.yaml and /etc/uni-api/environment, and
# makes the user uni-api, as which the service runs. DESTDIR=folder writes below that
# folder, makes no user and starts nothing.
set -eu
cd "$(dirname "$0")/.."

[ -x uni-api ] || { echo "there is no ./uni-api here: run make first, or unpack a release" >&2; exit 1; }
root=${DESTDIR:-}
[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "this needs root: sudo $0" >&2; exit 1; }

doc=$root/usr/local/share/doc/uni-api
man=$root/usr/local/share/man/man1
rm -rf "$doc" # pages of an older release
install -d "$root/usr/local/bin" "$doc/docs" "$man" "$root/etc/systemd/system"
install -d -m 700 "$root/etc/uni-api"
# Moved into place: the file of a running program cannot be written to.
install -m 755 uni-api "$root/usr/local/bin/uni-api.new"
mv "$root/usr/local/bin/uni-api.new" "$root/usr/local/bin/uni-api"
install -m 644 deploy/uni-api.service deploy/uni-api@.service deploy/uni-api.socket "$root/etc/systemd/system/"
# As they lie in the release, so that links from one page to another hold.
install -m 644 README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE api.example.yaml "$doc/"
install -m 644 docs/* "$doc/docs/"
./uni-api man >"$man/uni-api.1"
chmod 644 "$man/uni-api.1"

config=$root/etc/uni-api/api.yaml
fresh=
if [ ! -e "$config" ]; then
  fresh=yes
  umask 077
  # The client keys of the example are known to all; this machine gets its own.
  sed -e "s/sk-replace-me-with[-a-z]*/$(./uni-api keygen)/" \
    -e "s/sk-replace-me-too[-a-z]*/$(./uni-api keygen)/" api.example.yaml >"$config"
  echo "# Variables for api.yaml, as NAME=value; there they are \${NAME}." >"$root/etc/uni-api/environment"
fi

[ -z "$root" ] || exit 0
systemd-sysusers --inline 'u uni-api - "uni-api LLM gateway" /var/lib/uni-api'
# The service reads the file where it is. What an editor makes anew in this folder
# belongs to the same group.
chgrp uni-api /etc/uni-api "$config"
chmod 2750 /etc/uni-api
chmod u=rw,g=r,o= "$config"
systemctl daemon-reload
systemctl enable --now uni-api.socket
systemctl enable uni-api.service
if [ -n "$fresh" ]; then
  echo "Put your providers into $config, then: systemctl restart uni-api"
# With the variables that the service will have.
elif systemd-run --quiet --pipe --wait --collect --property=EnvironmentFile=-/etc/uni-api/environment \
  /usr/local/bin/uni-api check --config "$config" >/dev/null; then
  systemctl restart uni-api.service
  echo "uni-api was restarted."
else
  echo "The program that was running goes on. When that is put right, or is meant: systemctl restart uni-api" >&2
  exit 1
fi
