# Tests of a build with -DCAMO_CUDA=emulate: the CUDA kernels on the CPU.
#   cuda_STEM        every case of tests/ops/STEM.cpp on the emulated GPU against CPU f64
#   cuda_*_test      the emulator, the rules for kernels, a network trained on both devices, by one process and by many
#   device_script    tests/device/run
foreach(source IN LISTS case_sources)
  cmake_path(GET source STEM stem)
  add_test(NAME cuda_${stem} COMMAND op_test ${stem} --only cuda)
endforeach()

file(GLOB emulated_sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} cuda/*_test.cpp)
set_source_files_properties(cuda/blas_test.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION on
  INCLUDE_DIRECTORIES ${CMAKE_CURRENT_SOURCE_DIR}/cuda/cublas)  # a stand-in for the library
camo_behaviour_tests(camo_emulated_tests ${emulated_sources})

# tests/device/run, the script for a machine with a GPU, on this tree and a few ops, killed and called again.
if(CAMO_PROGRAMS)
  add_test(NAME device_script COMMAND ${PROJECT_SOURCE_DIR}/tests/device/rehearsal.sh ${PROJECT_BINARY_DIR})
endif()

# AddressSanitizer did not create the fibers' stacks, so its copies of stack frames would outlive them.
get_property(all_tests DIRECTORY PROPERTY TESTS)
set_property(TEST ${all_tests} APPEND PROPERTY ENVIRONMENT
  ASAN_OPTIONS=detect_stack_use_after_return=0)
if(MPI_CXX_FOUND)
  # An MPI keeps some of its memory to the end.
  set_tests_properties(cuda_processes_test PROPERTIES ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=0:detect_leaks=0;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_rmaps_base_oversubscribe=1")
endif()
