# What `cmake --build --preset package` makes: a .tar.gz of everything, which runs where it is unpacked, and Debian
# packages, as Debian has them: starcl (the program), starcl-mpi (what it loads under mpirun, where MPI was found),
# libstarcl0.8 (the shared library) and libstarcl-dev.
#
# Who gives packages to others says who answers for them, as Debian's own tools ask: DEBFULLNAME and DEBEMAIL.

set(maintainer "The starcl authors <starcl@example.org>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
    set(maintainer "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CPACK_PACKAGE_CONTACT ${maintainer})
set(CPACK_PACKAGE_NAME starcl)
set(CPACK_PACKAGE_VENDOR "The starcl authors")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL program library development)
if(TARGET starcl_mpi)
    list(APPEND CPACK_COMPONENTS_ALL mpi)
endif()
set(CPACK_GENERATOR TGZ)

find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
if(DPKG_SHLIBDEPS)
    list(APPEND CPACK_GENERATOR DEB)
else()
    message(STATUS "There is no dpkg-shlibdeps (Debian's dpkg-dev): `package` makes a .tar.gz alone")
endif()

# Its first line is checked, because nothing else reads it.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/changelog newest_change LIMIT_COUNT 1)
if(NOT newest_change MATCHES "^starcl \\(${PROJECT_VERSION}\\) ")
    message(FATAL_ERROR ".package/changelog begins with '${newest_change}', not with version ${PROJECT_VERSION}")
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/triggers.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)

set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "search for language-model architectures on OpenCL devices")
set(idea "Language-model architectures evolve on whatever OpenCL device is there:
starcl breeds genomes, trains and measures every candidate on your text,
and hands back a Pareto front of architectures in quality, size and cache,
with their weights. It is an open implementation of STAR (Synthesis of
Tailored Architectures).")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME starcl)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "${idea}")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "pocl-opencl-icd | opencl-icd")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "dict-gcide") # the text of the configs quickstart and hour/*

if(TARGET starcl_mpi)
    set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS starcl-mpi)
endif()
set(CPACK_DEBIAN_MPI_PACKAGE_NAME starcl-mpi)
set(CPACK_DEBIAN_MPI_PACKAGE_SECTION science)
set(CPACK_DEBIAN_MPI_DESCRIPTION "${idea}
.
This is what trains one model over several devices, with MPI.")
set(CPACK_DEBIAN_MPI_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "starcl (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_MPI_PACKAGE_RECOMMENDS openmpi-bin)

set(library_package libstarcl${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "${idea}
.
This is the shared library for programs that search, train and generate.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
# What other packages depend on that link this one, and that ldconfig is to run.
file(WRITE ${CMAKE_BINARY_DIR}/debian/shlibs
     "libstarcl ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} ${library_package} (>= ${PROJECT_VERSION})\n")
file(WRITE ${CMAKE_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/debian/shlibs ${CMAKE_BINARY_DIR}/debian/triggers)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS "pocl-opencl-icd | opencl-icd")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libstarcl-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "${idea}
.
These are the header, the static library and the description for pkg-config.")
set(development_depends "${library_package} (= ${PROJECT_VERSION})" ocl-icd-opencl-dev libclblast-dev libconfig-dev
                        libcjson-dev libsqlite3-dev zlib1g-dev)
if(LIBPQ_FOUND)
    list(APPEND development_depends libpq-dev)
endif()
list(JOIN development_depends ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)

include(CPack)
