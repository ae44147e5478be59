# What Debian has elsewhere, or otherwise, than `cmake --install`; run by CPack on the tree of each package.
set(shared ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/ajail/usr/share)
if(NOT EXISTS ${shared}/man/man1/ajail.1)
  message(FATAL_ERROR "ajail: no package without its manual pages")
endif()
file(REMOVE_RECURSE ${shared}/../../etc)
file(RENAME ${shared}/../etc ${shared}/../../etc)
file(RENAME ${shared}/zsh/site-functions ${shared}/zsh/vendor-completions)

file(MAKE_DIRECTORY ${shared}/lintian/overrides)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../tools/deb/ajail.lintian-overrides ${shared}/lintian/overrides/ajail)

# The changelog has one entry, for this version, of the time of SOURCE_DATE_EPOCH.
set(epoch $ENV{SOURCE_DATE_EPOCH})
if(NOT epoch)
  string(TIMESTAMP epoch "%s" UTC)
endif()
execute_process(COMMAND date -u -R -d @${epoch} OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${shared}/doc/ajail/changelog.Debian
     "ajail (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
     "  * Packaged from its sources.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
file(GLOB small ${shared}/man/man?/* ${shared}/doc/ajail/changelog.Debian)
execute_process(COMMAND gzip -9n ${small} COMMAND_ERROR_IS_FATAL ANY)
# Whatever umask and checkout it was made with.
execute_process(COMMAND chmod -R u=rwX,go=rX ${CPACK_TEMPORARY_INSTALL_DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
