# CPack calls ldconfig from scripts of a package with a shared library or a module, whatever it is told. On Debian dpkg's
# trigger does that for a library, which has it in its package, and a module needs none: the scripts are taken out again.
# CPack runs this on the packages that it made.
foreach(package ${CPACK_PACKAGE_FILES})
    if(package MATCHES "/(libstarcl[0-9]|starcl-mpi_).*\\.deb$")
        set(root ${CPACK_TEMPORARY_DIRECTORY}/repacked)
        file(REMOVE_RECURSE ${root})
        execute_process(COMMAND dpkg-deb -R ${package} ${root} COMMAND_ERROR_IS_FATAL ANY)
        file(REMOVE ${root}/DEBIAN/postinst ${root}/DEBIAN/postrm)
        execute_process(COMMAND dpkg-deb --root-owner-group -b ${root} ${package} OUTPUT_QUIET
                        COMMAND_ERROR_IS_FATAL ANY)
    endif()
endforeach()
