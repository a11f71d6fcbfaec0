# Who may include whom.
#   layers     tensor <- autograd <- nn <- moe <- examples; cuda stands on tensor and nothing on it
#   backends   tensor/cpu and cuda: contracts (tensor/ops) and everything above them know neither
#   tests      stand on everything; nothing includes them but the two commands that run the op cases
#   stems      an op has one name in five rooms: tensor/ops, tensor/cpu/ops, cuda/ops, autograd/ops, tests/ops
# OpenMP stays in tensor/threads; public headers include no third-party header.
set(below_tensor "cuda|autograd|nn|moe|examples|tests")
set(below_cuda "autograd|nn|moe|examples|tests")
set(below_autograd "cuda|nn|moe|examples|tests")
set(below_nn "cuda|moe|examples|tests")
set(below_moe "cuda|examples|tests")
set(below_examples "cuda|tests")
set(runs_op_cases "examples/camo/(commands|bench)/ops\\.cpp$")
set(writes_gpu_kernels "examples/(exercises/cuda|ladders/gpu)/")
set(uses_cpu_kernels "(tensor/cpu/|examples/camo/bench/|examples/(ladders|exercises)/)")  # single kernels are measured, climbed to, written

# Says what FILE includes that matches PATTERN.
function(forbid file pattern why)
  file(STRINGS ${file} found REGEX "#include ${pattern}")
  if(found)
    message(SEND_ERROR "${file} ${why}: ${found}")
  endif()
endfunction()

foreach(layer tensor cuda autograd nn moe examples)
  file(GLOB_RECURSE files ${ROOT}/${layer}/*.h ${ROOT}/${layer}/*.cpp ${ROOT}/${layer}/*.cu ${ROOT}/${layer}/*.cuh)
  if(NOT files)
    message(FATAL_ERROR "layering: no files in ${layer}")
  endif()
  foreach(file IN LISTS files)
    if(NOT file MATCHES "${runs_op_cases}|${writes_gpu_kernels}")
      forbid(${file} "\"(${below_${layer}})/" "includes upward")
    endif()
    if(NOT file MATCHES "${uses_cpu_kernels}")
      forbid(${file} "\"tensor/cpu/" "includes a backend")
    endif()
    if(file MATCHES "/tensor/ops/")
      forbid(${file} "\"tensor/parallel\\.h\"" "is a contract and has loops of a backend")
    endif()
    file(STRINGS ${file} omp REGEX "#pragma omp|#include <omp.h>")
    if(omp AND NOT file MATCHES "tensor/threads/")
      message(SEND_ERROR "${file} uses OpenMP; only tensor/threads may")
    endif()
    if(file MATCHES "\\.h$" AND NOT layer STREQUAL examples)
      forbid(${file} "<(Eigen|png|jpeglib|zlib|CLI|nlohmann|doctest)" "is a public header and includes")
    endif()
  endforeach()
endforeach()

# stems_of(NAME FOLDER EXTENSION): the stems of a room, sorted.
function(stems_of name folder extension)
  file(GLOB files RELATIVE ${ROOT}/${folder} ${ROOT}/${folder}/*.${extension})
  list(TRANSFORM files REPLACE "\\.[a-z]+$" "")
  list(SORT files)
  set(${name} "${files}" PARENT_SCOPE)
endfunction()

stems_of(ops tensor/ops cpp)
foreach(room "tensor/ops:h" "tensor/cpu/ops:cpp" "cuda/ops:cu" "tests/ops:cpp")
  string(REPLACE ":" ";" room ${room})
  stems_of(stems ${room})
  if(NOT stems STREQUAL ops)
    message(SEND_ERROR "stems differ: tensor/ops has ${ops}, ${room} has ${stems}")
  endif()
endforeach()
stems_of(gradients autograd/ops cpp)  # not every op has one
list(REMOVE_ITEM gradients ${ops})
if(gradients)
  message(SEND_ERROR "autograd/ops has stems that tensor/ops has not: ${gradients}")
endif()
