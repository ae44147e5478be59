#!/usr/bin/python3
"""tools/release/spdx: what it finds in a linker's map and in the compiler's notes, both made up, whatever the paths are called."""
import os
import sys
import tempfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

sys.dont_write_bytecode = True
loader = SourceFileLoader("spdx", os.path.join(os.path.dirname(os.path.realpath(__file__)), "../tools/release/spdx"))
spdx = module_from_spec(spec_from_loader("spdx", loader))
loader.exec_module(spdx)
counts = {"passed": 0, "failed": 0}

MAP = """Archive member included to satisfy reference by file (symbol)

libcli.a(apply.cc.o)          CMakeFiles/ajail.dir/src/cli/main.cc.o (ajail::cli::apply())
libcli.a(a_long_one.cc.o)
                              libcli.a(apply.cc.o) (ajail::cli::words())
../other/libnear.a(near.o)    libcli.a(apply.cc.o) (near)
liblink.a(linked.o)           libcli.a(apply.cc.o) (linked)
/opt/my libs/libfar.a(far.o)  libcli.a(apply.cc.o) (far())
/usr/lib/gcc/x/12/../../../x/libc.a(read.o)
                              libcli.a(apply.cc.o) (read)

Discarded input sections

 .text          0x0000000000000000        0x0 /opt/libnothing.a(nothing.o)
/opt/libnothing.a(nothing.o)  is not in the table

LOAD /usr/lib/gcc/x/12/../../../x/crt1.o
LOAD CMakeFiles/ajail.dir/src/cli/main.cc.o
LOAD ../other/near.o
LOAD /opt/my libs/far.o
LOAD /opt/no-suffix
LOAD libcli.a
LOAD /opt/libunused.a
"""
DEPS = """CMakeFiles/cli.dir/src/cli/apply.cc.o: #deps 6, deps mtime 1 (VALID)
    ../src/cli/apply.cc
    gen/cli/made.h
    /usr/include/stdio.h
    /usr/local/include/local.h
    /opt/my headers/far.h
    ../../beside.h

src/policy/gen/CMakeFiles/policy-gen.dir/gen.cc.o: #deps 1, deps mtime 1 (VALID)
    /usr/include/seccomp.h
"""


def check(name, wanted, got):
    counts["passed" if wanted == got else "failed"] += 1
    if wanted != got:
        print(f"FAILED {name}\n  wanted: {sorted(wanted)}\n  got:    {sorted(got)}")


with tempfile.TemporaryDirectory() as top:
    top = os.path.realpath(top)
    build = f"{top}/a checkout/build"
    os.makedirs(build)
    os.symlink("/opt/liblinked.a", f"{build}/liblink.a")
    with open(f"{build}/ajail.map", "w", encoding="utf-8") as file:
        file.write(MAP)
    with open(f"{build}/CMakeCache.txt", "w", encoding="utf-8") as file:
        file.write(f"CMAKE_HOME_DIRECTORY:INTERNAL={top}/a checkout\n")
    spdx.run = lambda *command: DEPS
    check("linked", {"/usr/lib/x/libc.a", "/usr/lib/x/crt1.o", "/opt/my libs/libfar.a", "/opt/my libs/far.o", "/opt/no-suffix",
                     f"{build}/liblink.a", f"{top}/a checkout/other/libnear.a", f"{top}/a checkout/other/near.o"},
          spdx.linked(build))
    check("included", {"/usr/include/stdio.h", "/usr/local/include/local.h", "/opt/my headers/far.h", f"{top}/beside.h"},
          spdx.included(build))
print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
sys.exit(counts["failed"] > 0)
