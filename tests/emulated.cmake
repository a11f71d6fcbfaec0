# Tests of a build with -DCAMO_CUDA=emulate: the CUDA kernels on the CPU.
#   cuda_STEM        every case of tests/ops/STEM.cpp on the emulated GPU against CPU f64
#   emulate_test, emulated_*_test   the emulator itself; a network trained on both devices
#   device_script                   tests/device/run
foreach(source IN LISTS case_sources)
  cmake_path(GET source STEM stem)
  add_test(NAME cuda_${stem} COMMAND op_test ${stem} --only cuda)
endforeach()

file(GLOB emulated_sources CONFIGURE_DEPENDS emulate*_test.cpp)
add_executable(camo_emulated_tests main.cpp ${emulated_sources})
target_include_directories(camo_emulated_tests SYSTEM PRIVATE ${DOCTEST_INCLUDE_DIR})
target_link_libraries(camo_emulated_tests PRIVATE camo camo_flags)
foreach(source IN LISTS emulated_sources)
  cmake_path(GET source STEM stem)
  add_test(NAME ${stem} COMMAND camo_emulated_tests --source-file=*/${stem}.cpp --no-version)
endforeach()

# The script for a machine with a GPU, on this tree and a few ops.
if(CAMO_PROGRAMS)
  add_test(NAME device_script COMMAND ${PROJECT_SOURCE_DIR}/tests/device/run
    --emulate --build ${PROJECT_BINARY_DIR} --stems "optim pool softmax" --steps 2)
endif()

# A fiber's stack is none that AddressSanitizer made: its own copies of stack frames would outlive it.
get_property(all_tests DIRECTORY PROPERTY TESTS)
set_property(TEST ${all_tests} APPEND PROPERTY ENVIRONMENT OMP_WAIT_POLICY=passive
  ASAN_OPTIONS=detect_stack_use_after_return=0)
