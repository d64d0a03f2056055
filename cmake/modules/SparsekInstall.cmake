# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What find_package(Sparsek) needs: headers, also the generated ones, exported targets and the configuration file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" "${PROJECT_BINARY_DIR}/include/"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.h.inc"
  PATTERN "CMakeFiles" EXCLUDE)

get_property(SPARSEK_EXPORTED_LIBRARIES GLOBAL PROPERTY SPARSEK_LIBRARIES)
list(APPEND SPARSEK_EXPORTED_LIBRARIES SparsekAll)
list(JOIN SPARSEK_EXPORTED_LIBRARIES " " SPARSEK_EXPORTED_LIBRARIES)
set(config_destination "${CMAKE_INSTALL_LIBDIR}/cmake/sparsek")
configure_package_config_file(cmake/modules/SparsekConfig.cmake.in "${PROJECT_BINARY_DIR}/cmake/SparsekConfig.cmake"
  INSTALL_DESTINATION ${config_destination} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/cmake/SparsekConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/cmake/SparsekConfig.cmake" "${PROJECT_BINARY_DIR}/cmake/SparsekConfigVersion.cmake"
  DESTINATION ${config_destination} COMPONENT development)
install(EXPORT SparsekTargets NAMESPACE sparsek:: DESTINATION ${config_destination} COMPONENT development)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/LICENSES/LLVM.txt" DESTINATION share/doc/sparsek COMPONENT tools)

if(SPARSEK_STATIC)
  # Compiled code that runs in parallel loads LLVM's OpenMP library, from beside libSparsek.so first.
  find_file(SPARSEK_OPENMP_LIBRARY NAMES libomp.so.5 PATHS "${LLVM_LIBRARY_DIR}" NO_DEFAULT_PATH)
  mark_as_advanced(SPARSEK_OPENMP_LIBRARY)
  if(NOT SPARSEK_OPENMP_LIBRARY)
    message(FATAL_ERROR "SPARSEK_STATIC installs LLVM's OpenMP library, and ${LLVM_LIBRARY_DIR} holds no libomp.so.5. "
                        "Install it with: sudo apt-get install libomp-${SPARSEK_LLVM_MAJOR}-dev")
  endif()
  install(CODE "file(REAL_PATH \"${SPARSEK_OPENMP_LIBRARY}\" library)
                file(INSTALL \"\${library}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib\" RENAME libomp.so.5)" COMPONENT tools)
endif()
