# SPDX-License-Identifier: Apache-2.0
# The three verbs every room uses: pintle_library, pintle_binary, pintle_test.
# A dependency named without "::" that is a room of ours gets the prefix pintle_.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

# Our own warnings and hardening; third-party and generated code is exempt.
add_library(pintle_flags INTERFACE)
target_compile_options(pintle_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
  -fstack-protector-strong)
target_compile_definitions(pintle_flags INTERFACE PINTLE_VERSION="${PROJECT_VERSION}")
if(PINTLE_SANITIZE)
  target_compile_options(pintle_flags INTERFACE -fsanitize=${PINTLE_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(pintle_flags INTERFACE -fsanitize=${PINTLE_SANITIZE})
endif()
if(PINTLE_COVERAGE)
  target_compile_options(pintle_flags INTERFACE --coverage)
  target_link_options(pintle_flags INTERFACE --coverage)
endif()

function(pintle_resolve out)
  set(resolved "")
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "::" OR dep MATCHES "^pintle_" OR IS_ABSOLUTE "${dep}" OR dep MATCHES "^-")
      list(APPEND resolved "${dep}")
    else()
      list(APPEND resolved "pintle_${dep}")
    endif()
  endforeach()
  set(${out} "${resolved}" PARENT_SCOPE)
endfunction()

# pintle_library(NAME room SRCS ... HDRS ... DEPS ...): one static library per folder-noun.
function(pintle_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;HDRS;DEPS" ${ARGN})
  pintle_resolve(deps ${ARG_DEPS})
  if(ARG_SRCS)
    add_library(pintle_${ARG_NAME} STATIC ${ARG_SRCS} ${ARG_HDRS})
    target_include_directories(pintle_${ARG_NAME} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(pintle_${ARG_NAME} PUBLIC ${deps} PRIVATE pintle_flags)
  else()
    add_library(pintle_${ARG_NAME} INTERFACE)
    target_sources(pintle_${ARG_NAME} PRIVATE ${ARG_HDRS})
    target_include_directories(pintle_${ARG_NAME} INTERFACE "${PROJECT_SOURCE_DIR}")
    target_link_libraries(pintle_${ARG_NAME} INTERFACE ${deps})
  endif()
endfunction()

# pintle_binary(NAME name SRCS ... DEPS ... [INSTALL]): an executable in <build>/bin.
function(pintle_binary)
  cmake_parse_arguments(ARG "INSTALL" "NAME" "SRCS;DEPS" ${ARGN})
  pintle_resolve(deps ${ARG_DEPS})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${ARG_NAME} PRIVATE ${deps} pintle_flags)
  if(ARG_INSTALL)
    install(TARGETS ${ARG_NAME} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()

# pintle_test(NAME x_test SRCS ... DEPS ... [LABELS ...] [TIMEOUT s]): a GoogleTest program and its ctest entry.
function(pintle_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SRCS;DEPS;LABELS;ENV" ${ARGN})
  pintle_resolve(deps ${ARG_DEPS})
  # The mirror path keeps equal test names of two rooms apart.
  file(RELATIVE_PATH mirror "${PROJECT_SOURCE_DIR}/tests" "${CMAKE_CURRENT_SOURCE_DIR}")
  string(REPLACE "/" "." mirror "${mirror}")
  set(target "${mirror}.${ARG_NAME}")
  add_executable(${target} ${ARG_SRCS})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${deps} pintle_flags GTest::gmock GTest::gtest_main Threads::Threads)
  target_compile_definitions(${target} PRIVATE PINTLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    PINTLE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(ARG_ENV)
    set_tests_properties(${target} PROPERTIES ENVIRONMENT "${ARG_ENV}")
  endif()
endfunction()
