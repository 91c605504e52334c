#!/usr/bin/env bash
# tests/test_headers.sh - every header compiles alone, the public ones as C++ too: test_headers.sh SOURCE_DIR CC
set -euo pipefail
cd "$1"
cc=$2
cxx=$(command -v g++ || command -v clang++ || true)
strict="-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror -fsyntax-only -I. -Iinclude"
failed=0
for header in include/glint/*.h core/*.h calib/*.h io/*.h voxel/*.h attention/*.h model/*.h pipeline/*.h viz/*.h tools/*.h; do
    [ -f "$header" ] || continue
    # shellcheck disable=SC2086
    echo "#include \"$header\"" | "$cc" -std=c17 $strict -x c - || { echo "$header: does not compile alone"; failed=1; }
done
for header in include/glint/*.h; do
    [ -n "$cxx" ] || { echo "no C++ compiler: the public headers were not checked as C++"; break; }
    echo "#include \"$header\"" | "$cxx" -std=c++17 -Wall -Wextra -Werror -fsyntax-only -Iinclude -I. -x c++ - ||
        { echo "$header: does not compile as C++"; failed=1; }
done
exit $failed
