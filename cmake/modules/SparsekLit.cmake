# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Finds the tools that the lit tests need. LLVM's own default is bin/llvm-lit, which packages do not ship: they ship bin/lit.
set(SPARSEK_TEST_INSTALL_HINT "Install it with: sudo apt-get install llvm-${SPARSEK_LLVM_MAJOR}-tools mlir-${SPARSEK_LLVM_MAJOR}-tools\n"
    "or configure with -DSPARSEK_BUILD_TESTS=OFF.")

find_package(Python3 3.9 COMPONENTS Interpreter)
if(NOT Python3_FOUND)
  message(FATAL_ERROR "The tests need Python 3.9 or later. Install it with: sudo apt-get install python3\n"
                      "or configure with -DSPARSEK_BUILD_TESTS=OFF.")
endif()

# sparsek_find_test_tool(<variable> <name>...): a program that no test run can do without.
function(sparsek_find_test_tool variable)
  find_program(${variable} NAMES ${ARGN} HINTS "${LLVM_TOOLS_BINARY_DIR}" DOC "Test tool ${ARGV1}")
  if(NOT ${variable})
    message(FATAL_ERROR "The tests need ${ARGV1}, which is not in ${LLVM_TOOLS_BINARY_DIR} nor on PATH.\n" ${SPARSEK_TEST_INSTALL_HINT})
  endif()
endfunction()
sparsek_find_test_tool(SPARSEK_LIT lit llvm-lit)
sparsek_find_test_tool(SPARSEK_FILECHECK FileCheck)
sparsek_find_test_tool(SPARSEK_NOT not)
sparsek_find_test_tool(SPARSEK_SPLIT_FILE split-file)

# Tools that only some tests need: each becomes a lit feature.
find_program(SPARSEK_MLIR_OPT NAMES mlir-opt HINTS "${LLVM_TOOLS_BINARY_DIR}" DOC "Stock mlir-opt, for the plugin tests")
find_program(SPARSEK_MLIR_RUNNER NAMES mlir-runner HINTS "${LLVM_TOOLS_BINARY_DIR}" DOC "Stock mlir-runner")
