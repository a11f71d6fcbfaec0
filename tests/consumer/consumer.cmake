# Installs the library into a folder of the build and uses it as users do: with find_package, there and after the folder
# was moved, and with pkg-config.  And takes it as a part of another build: as far as the compilation of a file, because
# the library would be built anew.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result)
    message(FATAL_ERROR "${ARGN}\n${output}")
  endif()
endfunction()
set(work ${BUILD}/consumer)
set(source ${ROOT}/tests/consumer)
file(REMOVE_RECURSE ${work})
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
step(${CMAKE_COMMAND} -S ${source} -B ${work}/build -DCMAKE_PREFIX_PATH=${work}/prefix)
step(${CMAKE_COMMAND} --build ${work}/build --target plugin)

set(moved "${work}/moved prefix")
file(RENAME ${work}/prefix ${moved})
step(${CMAKE_COMMAND} -S ${source} -B ${work}/moved -DCMAKE_PREFIX_PATH=${moved})
step(${CMAKE_COMMAND} --build ${work}/moved)
step(${work}/moved/consumer)

find_program(PKG_CONFIG pkg-config)
file(GLOB_RECURSE pc "${moved}/camo.pc")
if(PKG_CONFIG)
  file(RENAME ${moved} ${work}/prefix)  # pkg-config puts backslashes before spaces, which a shell's $(...) keeps
  cmake_path(GET pc PARENT_PATH folder)
  string(REPLACE ${moved} ${work}/prefix folder ${folder})
  step(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} make -f ${source}/pkg_config.mk -C ${source} OUT=${work}/small)
  step(${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${folder}/.. ${work}/small)
endif()

step(${CMAKE_COMMAND} -G Ninja -S ${source}/fetch -B ${work}/fetch -DFETCHCONTENT_SOURCE_DIR_CAMO=${ROOT})
step(${CMAKE_COMMAND} --build ${work}/fetch --target CMakeFiles/small.dir/${source}/small.cpp.o)
