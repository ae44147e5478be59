#!/bin/bash
# Access control lists, with one id mapped: those that name other users or groups are said to be set.
# not: root
. "$TESTS/lib.sh"

# acl TAG ID [ATTRIBUTE]: sets a list with an entry for ID on /tmp/f; "set" or the error, and what is there then. TAG: 2 a
# user, 8 a group (acl(5)). By syscall numbers: Debian's smallest root has perl, and no setfacl.
acl() {
    # shellcheck disable=SC2016
    jail perl -e '
        my ($tag, $id, $name) = @ARGV;
        open my $file, ">", "/tmp/f";
        my $list = pack "L (SSL)5", 2, 1, 7, -1, $tag == 2 ? (2, 5, $id) : (4, 5, -1), $tag == 2 ? (4, 5, -1) : (8, 5, $id),
            16, 7, -1, 32, 0, -1;
        my ($path, $got) = ("/tmp/f", " " x 256);
        my $failed = syscall(188, $path, $name, $list, length $list, 0);
        print $failed ? "failed: $!" : "set", ", ";
        print syscall(191, $path, $name, $got, 256) < 0 ? "not there" : "there", "\n";' "$1" "$2" \
        "${3:-system.posix_acl_access}"
}

if [ "$(uname -m)" != x86_64 ]; then
    skip 'access control lists' 'the numbers here are of x86_64'
    exit
fi
output 'for another group' 'set, not there' acl 8 4
output 'for another user' 'set, not there' acl 2 33
output 'for root itself' 'set, there' acl 8 0
matches 'what is wrong is the kernel'"'"'s to refuse' '^failed: ' acl 8 0 system.posix_acl_nosuch
output 'other attributes are really set' 'set, there' acl 2 33 user.test
