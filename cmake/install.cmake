# What `cmake --install` puts where, and Debian's packages: `cpack -G DEB`.
include(GNUInstallDirs)
file(STRINGS src/cli/version.h version REGEX "kVersion = ")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${version}")
set(AJAIL_MAINTAINER "The ajail authors <ajail@example.org>" CACHE STRING "who answers for Debian's packages")

install(TARGETS ajail COMPONENT ajail)

# Made when they are installed: their date is that of then, or of SOURCE_DATE_EPOCH.
set(pages ${CMAKE_BINARY_DIR}/man)
install(CODE "execute_process(COMMAND \"${CMAKE_SOURCE_DIR}/tools/man/make\" \"${pages}\" \"${version}\" RESULT_VARIABLE failed)
if(failed)
  file(REMOVE_RECURSE \"${pages}\")
  message(WARNING \"ajail: the manual pages are left out: tools/man/make failed, is there an awk?\")
endif()" COMPONENT ajail)
install(FILES ${pages}/ajail.1 ${pages}/ajail-bwrap.1 ${pages}/ajail-mkfs.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        COMPONENT ajail OPTIONAL)
install(FILES ${pages}/ajail-policy.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT ajail OPTIONAL)

set(completions tools/completions)
install(FILES ${completions}/ajail.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ajail
        COMPONENT ajail)
install(FILES ${completions}/_ajail DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT ajail)
install(FILES ${completions}/ajail.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT ajail)

set(doc ${CMAKE_INSTALL_DATADIR}/doc/ajail)
install(FILES README.md CONTRIBUTING.md SECURITY.md tools/deb/copyright DESTINATION ${doc} COMPONENT ajail)
file(GLOB chapters CONFIGURE_DEPENDS docs/*.md docs/*.svg)
install(FILES ${chapters} DESTINATION ${doc}/docs COMPONENT ajail)

# For a binary in /usr/bin or /usr/local/bin; elsewhere `ajail doctor --apparmor-profile` makes one.
set(PATH "/usr/{,local/}bin/ajail")
configure_file(tools/apparmor/ajail.in ${CMAKE_BINARY_DIR}/apparmor/ajail @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/apparmor/ajail DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/apparmor.d COMPONENT ajail)

# The name bwrap, and its page. Only in a package of its own: who installs ajail need not want it in bubblewrap's place.
foreach(link "bwrap;ajail;${CMAKE_INSTALL_BINDIR}" "bwrap.1.gz;ajail-bwrap.1.gz;${CMAKE_INSTALL_MANDIR}/man1"
             "ajail-bwrap;ajail;${CMAKE_INSTALL_DATADIR}/doc")
  list(GET link 0 name)
  list(GET link 1 target)
  list(GET link 2 where)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/links)
  file(CREATE_LINK ${target} ${CMAKE_BINARY_DIR}/links/${name} SYMBOLIC)
  install(FILES ${CMAKE_BINARY_DIR}/links/${name} DESTINATION ${where} COMPONENT bwrap EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ajail)
set(CPACK_PACKAGE_VERSION ${version})
set(CPACK_PACKAGE_VENDOR "the ajail authors")
set(CPACK_PACKAGE_CONTACT ${AJAIL_MAINTAINER})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL ajail bwrap)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/debian.cmake)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
else()
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE amd64)
endif()

set(CPACK_DEBIAN_AJAIL_PACKAGE_NAME ajail)
set(CPACK_DEBIAN_AJAIL_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_AJAIL_PACKAGE_SUGGESTS "mmdebstrap, uidmap")
set(CPACK_COMPONENT_AJAIL_DESCRIPTION
    "run anything in a throw-away root filesystem, without root
One static binary that runs a command in a jail made of namespaces, an
overlay root, Landlock and seccomp: without root, without a daemon,
without set-user-ID programs, and not at all if one of the walls cannot be
put up. The command is root in a Debian of its own, where packages can be
installed; the current directory is there at the same path, the rest of
the machine is not. When it ends, everything else is forgotten.
.
It also lists, enters and ends jails, keeps and applies what they have
changed, makes root filesystems, and gives each of several jails a
workspace of one git repository.")
set(extra ${CMAKE_SOURCE_DIR}/tools/deb)
set(CPACK_DEBIAN_AJAIL_PACKAGE_CONTROL_EXTRA ${extra}/conffiles ${extra}/postinst ${extra}/prerm ${extra}/postrm ${extra}/triggers)

set(CPACK_DEBIAN_BWRAP_PACKAGE_NAME ajail-bwrap)
set(CPACK_DEBIAN_BWRAP_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_BWRAP_PACKAGE_SOURCE ajail)
set(CPACK_DEBIAN_BWRAP_PACKAGE_DEPENDS "ajail (= ${version}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_BWRAP_PACKAGE_PROVIDES "bubblewrap (= 0.12.0)")
set(CPACK_DEBIAN_BWRAP_PACKAGE_CONFLICTS bubblewrap)
set(CPACK_DEBIAN_BWRAP_PACKAGE_REPLACES bubblewrap)
set(CPACK_COMPONENT_BWRAP_DESCRIPTION
    "ajail in the place of bubblewrap
ajail under the name bwrap, which takes the command line of bubblewrap,
with its messages and exit codes, for programs that call that.")
include(CPack)
