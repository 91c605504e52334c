#!/usr/bin/env bash
# tools/deps.sh - the Debian and Ubuntu packages Glint needs: deps.sh build|tests|all
#
# Installs what is missing, says which, with sudo when not root; does nothing when all is there. Debian 12 and Ubuntu
# 24.04; elsewhere it names the packages and goes on.
set -euo pipefail

build="gcc g++ cmake ninja-build pkg-config libpcap-dev zlib1g-dev libjansson-dev libyaml-dev libpng-dev libdeflate-dev libzstd-dev liblz4-dev libsqlite3-dev cyclonedds-dev libprotobuf-c-dev protobuf-c-compiler libopenmpi-dev openmpi-bin libwebsockets-dev systemtap-sdt-dev"
tests="libcmocka-dev python3 xz-utils"
variants="clang libclang-rt-dev"
extra="chromium python3-numpy" # a test more or less: skipped where they cannot be had (chromium: not as a snap)

case "${1:-build}" in
build) wanted="$build" ;;
tests) wanted="$build $tests" ;;
all) wanted="$build $tests $variants" ;;
*) echo "usage: deps.sh build|tests|all" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps: no apt here; needed are the equivalents of: $wanted" >&2
    exit 0
fi

missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
more=""
if [ "${1:-build}" = all ]; then
    for package in $extra; do
        dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || more="$more $package"
    done
fi
[ -n "$missing$more" ] || exit 0

echo "deps: installing$missing$more" >&2
as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "deps: not root and no sudo; please install:$missing" >&2; exit 1; }
    as_root="sudo"
fi
$as_root apt-get update -qq >&2
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
for package in $more; do
    if [ "$package" = chromium ] && apt-cache show chromium 2>/dev/null | grep -qi 'snap'; then continue; fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >&2 ||
        echo "deps: no $package here: its tests are skipped" >&2
done
