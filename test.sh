#!/bin/bash
# Builds everything and runs all tests; its last lines are ctest's summary.
#
#   ./test.sh           GCC; clang with ASan and UBSan, the fuzzers for 30 s each
#   ./test.sh --quick   GCC; the fuzzers for 5 s each
#
# On Debian 12 and 13, as root or as an ordinary user with sudo, which is asked for apt only. The jails are made as an
# ordinary user; started by root, also as root.
set -euo pipefail
cd "$(dirname "$0")"

quick=no
case ${1:-} in
'') ;;
--quick) quick=yes ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

step() { printf '\n[%3d s] %s\n' "$SECONDS" "$1"; }
failed=()
# A step that fails does not keep the others from being seen.
must() { "${@:2}" || failed+=("$1"); }

step 'packages'
# shellcheck source=tests/packages.sh
. tests/packages.sh
packages=(g++ g++-aarch64-linux-gnu clang cmake ninja-build pkg-config libseccomp-dev
    nlohmann-json3-dev catch2 mmdebstrap debian-archive-keyring ca-certificates python3 shellcheck clang-format
    acl attr bsdutils binutils git libcap2-bin procps uidmap fish zsh
    # manual pages, packages, jobs for CI
    groff-base lintian man-db mandoc python3-yaml
    # clients of bubblewrap, in tests/peer
    bubblewrap curl dbus flatpak gir1.2-gnomedesktop-3.0 gir1.2-webkit2-4.1 libgdk-pixbuf2.0-bin libimage-exiftool-perl mat2
    python3-gi ripgrep socat xauth xdg-dbus-proxy xvfb
    # what ajail runs in, in tests/peer
    podman runc systemd-container
    # bubblewrap's own tests
    dpkg-dev iproute2 libcap-dev meson python3-seccomp python3-tap strace
    # in tests/kernels/run
    cpio kmod qemu-system-x86 seabios xz-utils
    # whose user manager gives cgroups, in tests/scope.sh
    systemd)
install_packages "${packages[@]}"

# build DIR OPTION...: $targets of it, without output if all goes well
targets=(all)
build() {
    local dir=$1 log
    shift
    log=$(mktemp)
    # shellcheck disable=SC2064
    trap "rm -f '$log'" RETURN
    # A directory of another generator (quickstart.sh uses make) is built by that one.
    local generator=(-G Ninja)
    [ ! -f "$dir/CMakeCache.txt" ] || generator=()
    if ! { cmake -S . -B "$dir" "${generator[@]}" -DBUILD_TESTING=ON "$@" &&
        cmake --build "$dir" --target "${targets[@]}" --parallel "$(nproc)"; } >"$log" 2>&1; then
        cat "$log"
        echo "FAILED: the build in $dir"
        exit 1
    fi
}

step 'format'
mapfile -t sources < <(find src tests -name '*.cc' -o -name '*.h' | sort)
must format clang-format --dry-run --Werror "${sources[@]}"

step 'build with GCC, in build/'
build build

# With sanitizers the fuzzers, ajail and its tests come from one build.
seconds=30 targets=(all fuzzers)
[ "$quick" = no ] || seconds=5 targets=(fuzzers)
step 'build with clang, ASan, UBSan and the fuzzers, in build-asan/'
build build-asan -DCMAKE_CXX_COMPILER=clang++ -DAJAIL_FUZZ=ON -DAJAIL_FUZZ_SECONDS=$seconds \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O1 -g1'

step "fuzzers, $seconds s each: beside what follows"
# Jails are made one after the other for each user, and mostly wait: there is a processor left.
ctest --test-dir build-asan --output-on-failure --no-tests=error -L '^fuzz$' >build/fuzz.log 2>&1 &
fuzzers=$!

if [ "$quick" = no ]; then
    step 'tests with ASan and UBSan'
    # abort_on_error: a report must end the process, also one that has no stderr. Leaks are looked for where a
    # process exits by itself.
    must 'tests with sanitizers' env AJAIL_TEST_SECONDS=300 ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1 \
        ctest --test-dir build-asan --repeat until-pass:2 --output-on-failure --no-tests=error -L '^(unit|plan|prepare|jail)$' -LE net \
        --parallel "$(($(nproc) + 1))"
fi

step 'tests'
# (in a pipe: what it comes to is read from its summary)
# A second try for what depends on a loaded machine's timing; the first failure stays in the output.
ctest --test-dir build --repeat until-pass:2 --output-on-failure --no-tests=error --parallel "$(($(nproc) + 1))" | tee build/test.log || true
summary=$(grep -E '^[0-9]+% tests passed' build/test.log || true)
[[ $summary == 100%* ]] || failed+=(tests)
wait "$fuzzers" || failed+=(fuzzers)
cat build/fuzz.log

printf '\n[%3d s] done\n' "$SECONDS"
# Once more what was wrong, for whoever sees only the end.
[ "${#failed[@]}" = 0 ] || grep -hE -A 2 '^ *FAILED ' build*/Testing/Temporary/LastTest.log | tail -n 60 || true
for name in "${failed[@]}"; do echo "FAILED: $name"; done
echo "${summary:-0 passed, 1 failed}"
[ "${#failed[@]}" = 0 ]
