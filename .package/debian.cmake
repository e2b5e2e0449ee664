# What Debian wants in each package beside what is installed everywhere: copyright, changelog, compressed documents, and
# binaries without what nobody needs in them. CPack runs this on the staged files, one folder a component.
if(NOT CPACK_GENERATOR STREQUAL DEB)
    return()
endif()

function(compress file)
    execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY) # n: no time, so that builds can be repeated
endfunction()

# Debian's zsh looks elsewhere than the zsh that other systems build.
set(zsh ${CPACK_TEMPORARY_DIRECTORY}/program/usr/share/zsh)
file(RENAME ${zsh}/site-functions ${zsh}/vendor-completions)

foreach(component ${CPACK_COMPONENTS_ALL})
    set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
    string(TOUPPER ${component} name)
    set(documents ${root}/usr/share/doc/${CPACK_DEBIAN_${name}_PACKAGE_NAME})
    file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright ${CMAKE_CURRENT_LIST_DIR}/changelog DESTINATION ${documents})
    file(GLOB_RECURSE to_compress ${root}/usr/share/man/*.1 ${documents}/changelog ${documents}/README.md)
    foreach(file ${to_compress})
        compress(${file})
    endforeach()
    file(GLOB_RECURSE binaries ${root}/usr/bin/* ${root}/usr/lib/*.a ${root}/usr/lib/*.so.* ${root}/usr/lib/starcl-*.so)
    foreach(binary ${binaries})
        execute_process(COMMAND strip --strip-debug --remove-section=.comment --remove-section=.note
                                --enable-deterministic-archives ${binary} COMMAND_ERROR_IS_FATAL ANY)
    endforeach()
endforeach()
