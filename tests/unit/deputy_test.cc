// SPDX-License-Identifier: Apache-2.0
// What init does in an asker's place, as far as it is pure.
#include "catch.h"

#include "policy/deputy.h"
#include "sys/uapi.h"

#include <array>
#include <sys/syscall.h>

using namespace ajail::policy;

namespace {

std::optional<Deed> deed(int nr, std::array<std::uint64_t, 6> args) { return deed_of(nr, args.data()); }

} // namespace

TEST_CASE("deputy: where the arguments of each call are") {
    auto d = deed(SYS_fchmod, {7, 0104755});
    REQUIRE(d);
    CHECK((d->kind == Deed::mode && !d->has_path && d->dirfd == 7 && d->bits == 04755));
    d = deed(SYS_fchmodat, {5, 100, 02755, 77}); // it has no flags, whatever is in that register
    REQUIRE(d);
    CHECK((d->kind == Deed::mode && d->has_path && d->dirfd == 5 && d->path == 100 && d->bits == 02755));
    CHECK(d->flags == 0);
    d = deed(ajail::sys::kFchmodat2, {0xffffff9c, 100, 02755, AT_SYMLINK_NOFOLLOW});
    REQUIRE(d);
    CHECK((d->dirfd == AT_FDCWD && d->flags == AT_SYMLINK_NOFOLLOW));
    d = deed(SYS_openat, {5, 100, O_CREAT | O_RDWR | O_EXCL, 06711});
    REQUIRE(d);
    CHECK((d->kind == Deed::open && d->dirfd == 5 && d->path == 100 && d->bits == 06711));
    CHECK((d->flags & (O_ACCMODE | O_CREAT | O_EXCL)) == (O_RDWR | O_CREAT | O_EXCL));
    CHECK((d->flags & ajail::sys::kLargeFile) != 0);
    CHECK((deed(SYS_openat, {5, 100, O_CREAT | 0x40000000U, 0})->flags & 0x40000000) ==
          0); // unknown: no notice taken
    d = deed(SYS_mknodat, {5, 100, S_IFREG | 04755, 0});
    REQUIRE(d);
    CHECK((d->kind == Deed::node && d->bits == 04755 && !d->device));
    CHECK(deed(SYS_mknodat, {5, 100, S_IFBLK | 0660, 1})->device);
    CHECK(deed(SYS_mknodat, {5, 100, S_IFCHR | 0660, 1})->device);
    CHECK_FALSE(deed(SYS_getuid, {}));
#ifdef SYS_chmod
    d = deed(SYS_chmod, {100, 04755});
    REQUIRE(d);
    CHECK((d->kind == Deed::mode && d->dirfd == AT_FDCWD && d->path == 100 && d->bits == 04755));
    d = deed(SYS_open, {100, O_CREAT | O_WRONLY, 04755});
    REQUIRE(d);
    CHECK((d->kind == Deed::open && d->dirfd == AT_FDCWD && d->path == 100 && d->bits == 04755));
    d = deed(SYS_creat, {100, 04755});
    REQUIRE(d);
    CHECK((d->flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == (O_WRONLY | O_CREAT | O_TRUNC));
    CHECK(deed(SYS_mknod, {100, S_IFCHR | 0666, 259})->device);
#endif
}

TEST_CASE("deputy: the asker's own descriptors by name") {
    for (const char* path : {"/proc/self/fd/12", "/proc/thread-self/fd/12", "/dev/fd/12", "/proc/42/fd/12"})
        CHECK(named_descriptor(path, 42) == 12);
    for (const char* path : {"/proc/self/fd/", "/proc/self/fd/1x", "/proc/self/fd/-1", "/proc/self/fd/1/x",
                             "/proc/43/fd/1", "/proc/self/fd/99999999999", "proc/self/fd/1", "", "/dev/fd"})
        CHECK(named_descriptor(path, 42) == -1);
}

TEST_CASE("deputy: which bits are set where") {
    CHECK(allowed_bits(07755, S_IFREG, true) == 07755);
    CHECK(allowed_bits(07755, S_IFREG, false) == 01755);
    CHECK(allowed_bits(02775, S_IFDIR, false) == 02775);
    CHECK(allowed_bits(06755, S_IFIFO, false) == 0755);
}
