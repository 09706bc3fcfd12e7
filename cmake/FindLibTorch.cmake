# SPDX-License-Identifier: Apache-2.0
# Finds LibTorch and defines the imported target LibTorch::LibTorch.
#
# Looks in LibTorch_ROOT (CMake variable or environment: an official LibTorch folder, or the
# `torch` folder of an installed wheel), then in .deps/libtorch, where `make setup` puts it.
# The TorchConfig.cmake that LibTorch brings is not used: that of a CUDA build asks for a whole
# CUDA toolkit. Only libtorch_cpu and libc10 are linked; a GPU is reached by loading
# libtorch_cuda.so at start-up, so one binary serves machines with and without one.
#
# Sets LibTorch_FOUND, LibTorch_VERSION, LibTorch_LIBRARY_DIR, LibTorch_INCLUDE_DIR and
# LibTorch_RUNTIME_LIBRARIES (files that an installation has to carry).

set(_libtorch_hints "${LibTorch_ROOT}" "$ENV{LibTorch_ROOT}" "${PROJECT_SOURCE_DIR}/.deps/libtorch")
list(FILTER _libtorch_hints EXCLUDE REGEX "^$")

find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h
  HINTS ${_libtorch_hints} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu
  HINTS ${_libtorch_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10
  HINTS ${_libtorch_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)

set(LibTorch_VERSION "")
if(LibTorch_INCLUDE_DIR)
  foreach(_libtorch_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(NOT LibTorch_VERSION AND EXISTS "${LibTorch_INCLUDE_DIR}/${_libtorch_header}")
      file(STRINGS "${LibTorch_INCLUDE_DIR}/${_libtorch_header}" _libtorch_line
        REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
      string(REGEX REPLACE "[^0-9;]" "" _libtorch_line "${_libtorch_line}")
      string(REPLACE ";" "." LibTorch_VERSION "${_libtorch_line}")
    endif()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run 'make setup', or pass -DLibTorch_ROOT=<a LibTorch folder>")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  # gRPC and Abseil use the new std::string; a LibTorch of the old ABI would link and then crash.
  file(STRINGS "${LibTorch_C10_LIBRARY}" _libtorch_cxx11 REGEX "__cxx11" LIMIT_COUNT 1)
  if(NOT _libtorch_cxx11)
    message(FATAL_ERROR "The LibTorch at ${LibTorch_INCLUDE_DIR} is built with the old C++ ABI; "
      "take one named cxx11-abi, or run 'make setup'.")
  endif()
  get_filename_component(LibTorch_LIBRARY_DIR "${LibTorch_CPU_LIBRARY}" DIRECTORY)

  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  # Headers of an imported target count as system headers, so our warnings do not reach them.
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS "_GLIBCXX_USE_CXX11_ABI=1"
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;Threads::Threads")

  file(GLOB LibTorch_RUNTIME_LIBRARIES
    "${LibTorch_LIBRARY_DIR}/libtorch_cpu.so*" "${LibTorch_LIBRARY_DIR}/libc10.so*"
    "${LibTorch_LIBRARY_DIR}/libgomp*.so*" "${LibTorch_LIBRARY_DIR}/libcudart*.so*"
    "${LibTorch_LIBRARY_DIR}/libcupti*.so*")
endif()
