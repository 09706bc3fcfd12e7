# SPDX-License-Identifier: Apache-2.0
# What `cmake --install build/release --prefix DIR` writes besides the binaries: LibTorch's libraries
# in a folder of ours, so that they never shadow or meet another LibTorch on the machine, and the
# licences. To be included before the first target, which takes its run path from here.

set(PINTLE_PRIVATE_LIBDIR "${CMAKE_INSTALL_LIBDIR}/pintle")
file(RELATIVE_PATH _pintle_libs "/${CMAKE_INSTALL_BINDIR}" "/${PINTLE_PRIVATE_LIBDIR}")
set(CMAKE_INSTALL_RPATH "$ORIGIN/${_pintle_libs}")

install(FILES ${LibTorch_RUNTIME_LIBRARIES} DESTINATION "${PINTLE_PRIVATE_LIBDIR}"
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(FILES LICENSE NOTICE THIRD_PARTY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
get_filename_component(_pintle_torch "${LibTorch_LIBRARY_DIR}" DIRECTORY)
if(EXISTS "${_pintle_torch}/licenses")
  install(DIRECTORY "${_pintle_torch}/licenses" DESTINATION "${CMAKE_INSTALL_DOCDIR}/libtorch")
endif()
