# What is installed, where find_package and pkg-config find it, and the Debian package:  ./run package
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# ---- library ----
get_target_property(camo_type camo TYPE)
install(TARGETS camo EXPORT camo_targets)
install(EXPORT camo_targets NAMESPACE camo:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/camo)
install(DIRECTORY tensor autograd nn moe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/camo FILES_MATCHING PATTERN "*.h")
configure_package_config_file(third_party/camo-config.cmake.in camo-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/camo)
write_basic_package_version_file(camo-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/camo-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/camo-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/camo)

# pkg-config: who links a static library links what it stands on.
file(RELATIVE_PATH pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_up ${pc_up})
if(camo_type STREQUAL "STATIC_LIBRARY")
  if(CAMO_HAS_IMAGES)
    set(pc_requires "libpng libjpeg zlib")
  elseif(ZLIB_FOUND)
    set(pc_requires zlib)
  endif()
  set(pc_libraries ${OpenMP_CXX_FLAGS} ${MPI_CXX_LIBRARIES})
  if(CAMO_BACKEND STREQUAL "on")
    list(APPEND pc_libraries ${NCCL_LIBRARY} -L${CUDAToolkit_LIBRARY_DIR} -lcublasLt -lcudart_static -lrt -ldl -lpthread)
  endif()
  list(JOIN pc_libraries " " pc_libs)
  string(PREPEND pc_libs " ")
endif()
if(NOT CAMO_BACKEND STREQUAL "off")
  set(pc_cflags " -DCAMO_CUDA")
endif()
configure_file(third_party/camo.pc.in camo.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/camo.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- program, its manual page and the completion of shells, where they were built ----
if(TARGET camo_main)
  install(TARGETS camo_main OPTIONAL)
  if(camo_type STREQUAL "SHARED_LIBRARY")
    file(RELATIVE_PATH camo_rpath /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(camo_main PROPERTIES INSTALL_RPATH "$ORIGIN/${camo_rpath}")
  endif()
  set(zsh_folder zsh/site-functions)
  if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(zsh_folder zsh/vendor-completions)  # where Debian's packages have theirs
  endif()
  # camo_manual_file(FORMAT FILE FOLDER): what `camo manual --format FORMAT` prints is installed as FOLDER/FILE.
  function(camo_manual_file format file folder)
    add_custom_command(OUTPUT manual/${file} DEPENDS camo_main VERBATIM
      COMMAND camo_main manual --format ${format} > manual/${file})
    set_property(TARGET camo_manual APPEND PROPERTY SOURCES ${CMAKE_CURRENT_BINARY_DIR}/manual/${file})
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/manual/${file} DESTINATION ${folder} OPTIONAL)
  endfunction()
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/manual)
  if(NOT CMAKE_CROSSCOMPILING)
    add_custom_target(camo_manual ALL)
    camo_manual_file(man camo.1 ${CMAKE_INSTALL_MANDIR}/man1)
    camo_manual_file(bash camo ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    camo_manual_file(zsh _camo ${CMAKE_INSTALL_DATADIR}/${zsh_folder})
    camo_manual_file(fish camo.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  endif()
endif()

# ---- Debian package ----
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
# The licence, and those of what is compiled into the program.
file(READ LICENSE camo_licences)
foreach(package libcli11-dev nlohmann-json3-dev)
  if(EXISTS /usr/share/doc/${package}/copyright)
    file(READ /usr/share/doc/${package}/copyright licence)
    string(APPEND camo_licences "\n---- compiled in: ${package} ----\n\n${licence}")
  endif()
endforeach()
file(CONFIGURE OUTPUT copyright CONTENT "@camo_licences@" @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/camoxpert)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME camoxpert)  # Debian has another package that is called camo, with a higher version
set(CPACK_PACKAGE_CONTACT Camo)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "find camouflaged objects in photographs")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "The program camo trains networks that find camouflaged objects, measures them and uses
them.  The library has tensors, gradients and layers in C++20.
Built for ${CAMO_ARCH}: the program says at start what a processor lacks.")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++, cmake, pkg-config, libpng-dev, libjpeg62-turbo-dev, zlib1g-dev, bash-completion")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION on)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)
set(CPACK_STRIP_FILES on)
find_program(CAMO_SHLIBDEPS dpkg-shlibdeps)
find_program(CAMO_FILE file)
if(CAMO_SHLIBDEPS AND CAMO_FILE)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS on)
else()
  message(STATUS "Camo: a .deb made here names no dependencies  [apt-get install dpkg-dev file]")
endif()
include(CPack)
