#!/usr/bin/env bash
# Debian packages that some tests need. As root they are installed; otherwise the tests that need a
# missing one say so by name and are skipped for that reason alone.
set -euo pipefail
packages=(redis-server redis-tools nginx haproxy caddy apache2 varnish lua-socket nodejs chromium fonts-dejavu-core)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed (needs root on Debian): ${missing[*]}; the tests that need them will say so" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# Services must not start by themselves: tests start their own, on their own ports.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.sadd
chmod +x /usr/sbin/policy-rc.d.sadd
[ -e /usr/sbin/policy-rc.d ] || { mv /usr/sbin/policy-rc.d.sadd /usr/sbin/policy-rc.d; own=1; }
trap 'rm -f /usr/sbin/policy-rc.d.sadd; [ -z "${own:-}" ] || rm -f /usr/sbin/policy-rc.d' EXIT
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
