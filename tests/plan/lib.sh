# shellcheck shell=bash
# A small project and a fake store; plan_of FILE.args prints the plan of those arguments (bwrap-*: as bwrap, with some
# descriptors), with what differs between machines taken out: paths, the user's ids, the kernel's Landlock, the host's
# resolv.conf, how much memory there is, the caller's own limits, and whether it has a cgroup.

mkdir -p project/src project/out project/work 'project/a b,c' store/fs/deb/etc store/fs/deb/root/.ssh store/fs/deb/usr/local
repository=project/repository/.git
mkdir -p $repository/{hooks,info,objects,modules/a/b/hooks,worktrees/w}
touch $repository/{HEAD,config,info/attributes,modules/a/b/HEAD,modules/a/b/config,worktrees/w/commondir}
mkdir -p project/bare/{hooks,objects,refs} project/linked
touch project/bare/{HEAD,config} project/linked/.git
printf data >project/data
printf '#!/bin/sh\n' >project/src/tool
chmod go-x store # as ~/.ajail is
base=$(pwd -P)

plan_of() {
    local line arguments=()
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line//@STORE@/$base/store}
        arguments+=("${line//@PROJECT@/$base/project}")
    done <"$1"
    (
        cd project || exit 1
        unset AJAIL_ENV_X AJAIL_ARGS
        if [[ $1 == */bwrap-* ]]; then
            "$AJAIL" bwrap --ajail-dry-run "${arguments[@]}" 2>&1 8<data 9<data 10<data 11</dev/null 12<src
        else
            AJAIL_HOME=$base/store AJAIL_ENV_FROM_CALLER='of the caller' GIVEN='passed on' \
                "$AJAIL" run --dry-run "${arguments[@]}" 2>&1
        fi
    ) | sed -e "s:$base:/BASE:g" -e "s/^uid map      $(id -u) /uid map      UID /" \
        -e "s/^gid map      $(id -g) /gid map      GID /" -e "s/^\(uid map      [0-9A-Z]*\) $(id -u) 1$/\1 UID 1/" \
        -e "s/^\(gid map      [0-9A-Z]*\) $(id -g) 1$/\1 GID 1/" -e 's/^landlock     ABI [0-9]*/landlock     ABI N/' \
        -e 's/^\(scratch      tmpfs of\) [0-9]* bytes, [0-9]* files/\1 N bytes, N files/' \
        -e 's/^\(limit        disk\) [0-9]* /\1 N /' -e 's/^\(limit        memory\) [0-9]* bytes (.*)/\1 N bytes (MEANS)/' \
        -e 's/^\(limit        pids [0-9]*\) (.*)/\1 (MEANS)/' -e 's/^\(rlimit       nofile\) .*/\1 N/' \
        -e 's/^\(rlimit       memlock\|rlimit       sigpending\|oom score   \) .*/\1 N/' |
        awk '/^mount\[[0-9]+\] sysctl .*(pid_max|max_inotify)/ || /^cgroup   / { next }
             /^mount\[[0-9]+\] data -> \/etc\/resolv.conf / || /^given up .*the network is shared/ { next }
             /^mount\[/ { sub(/^mount\[[0-9]+\]/, "mount[" n++ "]") }
             { print }'
}
