# SPDX-License-Identifier: Apache-2.0
# Archives (lib*.a) instead of shared objects for gRPC, Protocol Buffers and Abseil, where a program
# asks for them: pintle_binary(... RPC_ARCHIVES). Calls within an archive go straight, without a
# table of jumps and a lookup per thread-local variable; a coordinator, which does nothing but move
# messages, relays 5 to 10 % more tokens per CPU second for it.
# Only such a program: LibTorch, which brings Protocol Buffers of its own, is in none of them.

# The twin of an imported target that links its archive and those of all it needs; the target itself
# where no archive is installed or the library is none of the three.
function(pintle_archive_of target out)
  if(NOT target MATCHES "^(gRPC|absl|protobuf|upb)::" OR NOT TARGET ${target})
    set(${out} "${target}" PARENT_SCOPE)
    return()
  endif()
  string(MAKE_C_IDENTIFIER "pintle_archive_${target}" twin)
  set(${out} ${twin} PARENT_SCOPE)
  if(TARGET ${twin})
    return()
  endif()
  get_target_property(type ${target} TYPE)
  set(archive "")
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    get_target_property(archive ${target} LOCATION)
    string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${archive}")
    if(NOT EXISTS "${archive}")
      set(${out} "${target}" PARENT_SCOPE)
      return()
    endif()
  endif()
  if(archive)
    add_library(${twin} STATIC IMPORTED GLOBAL)
    set_target_properties(${twin} PROPERTIES IMPORTED_LOCATION "${archive}")
  else()
    add_library(${twin} INTERFACE IMPORTED GLOBAL)
  endif()
  get_target_property(needs ${target} INTERFACE_LINK_LIBRARIES)
  set(twins "")
  foreach(need IN LISTS needs)
    if(need)
      string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" need "${need}")
      pintle_archive_of("${need}" need)
      list(APPEND twins "${need}")
    endif()
  endforeach()
  set_target_properties(${twin} PROPERTIES INTERFACE_LINK_LIBRARIES "${twins}")
endfunction()

# A dependency as its program wants it: read where a program is linked, not where a room names it.
function(pintle_shared_or_archive target out)
  pintle_archive_of("${target}" twin)
  if(twin STREQUAL target)
    set(${out} "${target}" PARENT_SCOPE)
  else()
    set(${out} "$<IF:$<BOOL:$<TARGET_PROPERTY:PINTLE_RPC_ARCHIVES>>,${twin},${target}>" PARENT_SCOPE)
  endif()
endfunction()
