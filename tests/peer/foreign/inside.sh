#!/bin/bash
# In a Debian root filesystem that is thrown away: other distributions' package managers, with packages made here. Each
# step's output and status go into a file of its own in said/, for tests/peer/foreign.sh to judge. $1: devices, where
# archives have some.
mkdir said
step() { # NAME COMMAND...
    local name=$1 status=0
    shift
    "$@" >"said/$name" 2>&1 </dev/null || status=$?
    echo "$status" >"said/$name.status"
}
# What there is in DIR, a line each: path, kind, mode, owner, links, target
listing() { (cd "$1" && find . -printf '%P %y %m %U:%G %n %l\n' | sed 's/ *$//; s/^ /. /' | sort); }

install_tools() {
    apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends rpm dnf createrepo-c \
            pacman-package-manager makepkg libarchive-tools attr binutils fakeroot zstd cpio busybox-static
}
step tools install_tools
[ "$(cat said/tools.status)" = 0 ] || exit 1

# rpm. The Debian around has no rpm database, so what packages need of the system is a package as well.
mkdir -p /tmp/rpm /tmp/tree
cat >/tmp/system.spec <<'S'
Name: system
Version: 1
Release: 1
Summary: What is there already
License: none
BuildArch: noarch
Provides: /bin/sh
%description
%files
S
cat >/tmp/foreign.spec <<'S'
Name: foreign
Version: 1
Release: 1
Summary: Files of many owners
License: none
BuildArch: noarch
AutoReqProv: no
%description
%install
mkdir -p %{buildroot}/opt/foreign %{buildroot}/var/lib/foreign
echo secret >%{buildroot}/opt/foreign/secret
echo tool >%{buildroot}/opt/foreign/tool
echo game >%{buildroot}/opt/foreign/game
ln %{buildroot}/opt/foreign/game %{buildroot}/opt/foreign/same
ln -s secret %{buildroot}/opt/foreign/link
echo data >%{buildroot}/var/lib/foreign/data
%pre
groupadd -g 987 ftl && useradd -u 987 -g ftl -M -s /usr/sbin/nologin ftl
%post
chown ftl:ftl /var/lib/foreign/data && su -s /bin/sh ftl -c 'id -un >/var/lib/foreign/who'
%files
%attr(0640, daemon, mail) /opt/foreign/secret
%attr(4755, bin, games) /opt/foreign/tool
%attr(2755, root, games) /opt/foreign/game
%attr(2755, root, games) /opt/foreign/same
%attr(0777, daemon, mail) /opt/foreign/link
%dir %attr(0750, ftl, ftl) /var/lib/foreign
%attr(0600, ftl, ftl) %config /var/lib/foreign/data
S
[ "${1:-}" != devices ] || echo '%dev(c, 1, 3) %attr(0666, root, root) /opt/foreign/null' >>/tmp/foreign.spec
build_rpms() {
    local spec
    for spec in system foreign; do rpmbuild --define '_topdir /tmp/rpm' -bb /tmp/$spec.spec || return; done
    mkdir -p /tmp/repository && cp /tmp/rpm/RPMS/noarch/*.rpm /tmp/repository && createrepo_c /tmp/repository
}
files_of_rpm() { listing /opt/foreign && listing /var/lib/foreign && cat /opt/foreign/secret /var/lib/foreign/{data,who}; }
forget_rpm() { # so that dnf has to do it all once more
    rpm --force-debian -e foreign && userdel ftl && rm -rf /var/lib/foreign && test ! -e /opt/foreign/secret
}
dnf_() { dnf -y --disablerepo='*' --repofrompath=here,file:///tmp/repository --nogpgcheck "$@"; }
step rpm-build build_rpms
step rpm-install rpm --force-debian -i /tmp/repository/system-1-1.noarch.rpm /tmp/repository/foreign-1-1.noarch.rpm
step rpm-query rpm -q foreign
step rpm-files files_of_rpm
step rpm-verify rpm -V foreign
step rpm-remove forget_rpm
step dnf-install dnf_ --setopt=cachedir=/tmp/dnf install foreign
step dnf-query dnf_ --setopt=cachedir=/tmp/dnf list --installed foreign
step dnf-files files_of_rpm
step dnf-verify rpm -V foreign
step dnf-remove dnf_ --setopt=cachedir=/tmp/dnf remove foreign

# pacman wants to know what is mounted, and makepkg will not work as root, so somebody else builds.
[ -e /etc/mtab ] || ln -s ../proc/self/mounts /etc/mtab # roots of an older ajail mkfs
mkdir -p /tmp/build
cat >/tmp/build/PKGBUILD <<'S'
pkgname=alien
pkgver=1
pkgrel=1
arch=(any)
install=alien.install
package() {
    cd "$pkgdir"
    install -d -o root -g games -m 2775 srv/alien
    echo secret >srv/alien/secret
    echo tool >srv/alien/tool
    ln srv/alien/tool srv/alien/same
    ln -s secret srv/alien/link
    chown daemon:mail srv/alien/secret
    chmod 640 srv/alien/secret
    chown bin:games srv/alien/tool
    chmod 4755 srv/alien/tool
    chown -h daemon:mail srv/alien/link
}
S
cat >/tmp/build/alien.install <<'S'
pre_install() { groupadd -g 988 aln && useradd -u 988 -g aln -M -s /usr/bin/nologin aln; }
post_install() { install -o aln -g aln -m 600 /dev/null /srv/alien/made && su -s /bin/sh aln -c 'id -un' >/srv/alien/who; }
S
build_pacman() {
    useradd -m builder && chown -R builder: /tmp/build &&
        su builder -c 'cd /tmp/build && id -un && PKGEXT=.pkg.tar.zst makepkg --nodeps --config /etc/makepkg.conf'
}
files_of_pacman() { listing /srv/alien && cat /srv/alien/secret /srv/alien/who; }
step pacman-build build_pacman
step pacman-install pacman -U --noconfirm /tmp/build/alien-1-1-any.pkg.tar.zst
step pacman-query pacman -Q alien
step pacman-files files_of_pacman
step pacman-verify pacman -Qkk alien
step pacman-remove pacman -R --noconfirm alien

# Archives
unpack() { # NAME COMMAND...
    local name=$1
    shift
    mkdir "/srv/$name"
    step "$name" "$@"
    step "$name-files" listing "/srv/$name"
}
xattrs=(--xattrs '--xattrs-include=*')
unpack tar tar --same-owner "${xattrs[@]}" -C /srv/tar -xpf archive.tar
step tar-xattr getfattr --only-values -n user.note /srv/tar/d/noted
unpack bsdtar bsdtar --same-owner -C /srv/bsdtar -xpf archive.tar
step bsdtar-xattr getfattr --only-values -n user.note /srv/bsdtar/d/noted
unpack busybox busybox tar -C /srv/busybox -xpf archive.tar
again() { (cd /srv/tar && find d | cpio -o -H newc) | (cd /srv/cpio && cpio -idm); }
unpack cpio again
