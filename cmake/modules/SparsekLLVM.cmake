# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Finds the one LLVM/MLIR release that this source supports (cmake/llvm-version.txt).
file(STRINGS "${PROJECT_SOURCE_DIR}/cmake/llvm-version.txt" SPARSEK_LLVM_VERSION LIMIT_COUNT 1)
string(REGEX MATCH "^[0-9]+" SPARSEK_LLVM_MAJOR "${SPARSEK_LLVM_VERSION}")
set(SPARSEK_LLVM_INSTALL_HINT
    "Install it with: sudo apt-get install libmlir-${SPARSEK_LLVM_MAJOR}-dev mlir-${SPARSEK_LLVM_MAJOR}-tools llvm-${SPARSEK_LLVM_MAJOR}-dev\n"
    "or point -DMLIR_DIR=<prefix>/lib/cmake/mlir at an installation of LLVM ${SPARSEK_LLVM_VERSION}.")

# The package's version file accepts only an exact major.minor, so the check is done here, with a message that helps.
find_package(MLIR CONFIG HINTS "/usr/lib/llvm-${SPARSEK_LLVM_MAJOR}/lib/cmake/mlir")
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "sparsek needs LLVM/MLIR ${SPARSEK_LLVM_VERSION}, and no MLIR was found.\n" ${SPARSEK_LLVM_INSTALL_HINT})
endif()
if(NOT "${LLVM_VERSION_MAJOR}.${LLVM_VERSION_MINOR}" STREQUAL "${SPARSEK_LLVM_VERSION}")
  message(FATAL_ERROR "sparsek needs LLVM/MLIR ${SPARSEK_LLVM_VERSION}, but ${MLIR_DIR} is ${LLVM_PACKAGE_VERSION}.\n" ${SPARSEK_LLVM_INSTALL_HINT})
endif()

if(SPARSEK_STATIC)
  set(MLIR_LINK_MLIR_DYLIB OFF)
  set(LLVM_LINK_LLVM_DYLIB OFF)
else()
  set(MLIR_LINK_MLIR_DYLIB ON)
endif()

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)
if(SPARSEK_STATIC)
  include(SparsekStatic)
endif()
set(LLVM_ENABLE_WARNINGS ON)
include(HandleLLVMOptions)

# add_mlir_doc writes below MLIR_BINARY_DIR, which a packaged MLIR leaves unset.
set(MLIR_BINARY_DIR "${PROJECT_BINARY_DIR}")

include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories("${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include")
separate_arguments(SPARSEK_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${SPARSEK_LLVM_DEFINITIONS})

message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_INSTALL_PREFIX}: RTTI ${LLVM_ENABLE_RTTI}, assertions ${LLVM_ENABLE_ASSERTIONS}, "
               "shared MLIR ${MLIR_LINK_MLIR_DYLIB}")
