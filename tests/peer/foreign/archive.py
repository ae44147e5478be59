"""archive.py FILE [devices]: a tar archive of things that belong to many, written without being any of them."""
import io
import sys
import tarfile

archive = tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT)


def add(name, kind=tarfile.REGTYPE, mode=0o644, uid=0, gid=0, data=b"", **more):
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.uid, member.gid = kind, mode, uid, gid
    member.size, member.mtime = len(data), 1000000000
    for key, value in more.items():
        setattr(member, key, value)
    archive.addfile(member, io.BytesIO(data))


add("d", tarfile.DIRTYPE, 0o2750, 1, 8)
add("d/file", mode=0o640, uid=1, gid=8, data=b"contents\n")
add("d/hard", tarfile.LNKTYPE, 0o640, 1, 8, linkname="d/file")
add("d/symbolic", tarfile.SYMTYPE, 0o777, 13, 12, linkname="file")
add("d/setuid", mode=0o4755, uid=2, gid=2, data=b"#!/bin/sh\n")
add("d/noted", uid=13, data=b"n\n", pax_headers={"SCHILY.xattr.user.note": "hello"})
add("d/fifo", tarfile.FIFOTYPE, 0o620, 33, 5)
if sys.argv[2:] == ["devices"]:
    add("d/null", tarfile.CHRTYPE, 0o666, 0, 0, devmajor=1, devminor=3)
    add("d/disk", tarfile.BLKTYPE, 0o660, 0, 6, devmajor=8, devminor=0)
add("d/last", uid=1, data=b"z\n")
archive.close()
