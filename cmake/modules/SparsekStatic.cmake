# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# For SPARSEK_STATIC. The packaged MLIR archives name the shared libLLVM.so as what they link, and LLVM's archives name shared zlib,
# zstd and z3. Here archives take their places, so that of what is not in every C++ program nothing shared remains.

find_library(SPARSEK_ZLIB_ARCHIVE NAMES libz.a)
find_library(SPARSEK_ZSTD_ARCHIVE NAMES libzstd.a)
mark_as_advanced(SPARSEK_ZLIB_ARCHIVE SPARSEK_ZSTD_ARCHIVE)
if(NOT SPARSEK_ZLIB_ARCHIVE OR NOT SPARSEK_ZSTD_ARCHIVE)
  message(FATAL_ERROR "SPARSEK_STATIC needs the archives of zlib and zstd. Install them with: sudo apt-get install zlib1g-dev libzstd-dev")
endif()

# z3 serves LLVM's constraint solver interface, which nothing here calls.
set_target_properties(LLVMSupport PROPERTIES
  INTERFACE_LINK_LIBRARIES "rt;dl;m;${SPARSEK_ZLIB_ARCHIVE};${SPARSEK_ZSTD_ARCHIVE};LLVMDemangle")

# Code is generated for the host and for NVIDIA GPUs only. MLIR's libraries call the initialisers of every other target too: here
# those do nothing, so a module for such a target is refused with "no target registered" (and the archives stay out: 110 MB).
set(SPARSEK_LLVM_TARGETS ${LLVM_NATIVE_ARCH} NVPTX)
set(content "/* Made by SparsekStatic.cmake: the targets of LLVM that are not linked. */\n")
foreach(target ${LLVM_TARGETS_TO_BUILD})
  if(NOT target IN_LIST SPARSEK_LLVM_TARGETS)
    foreach(part Target TargetInfo TargetMC AsmPrinter AsmParser)
      string(APPEND content "void LLVMInitialize${target}${part}(void) {}\n")
    endforeach()
  endif()
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/AbsentTargets.c" CONTENT "${content}" @ONLY)
add_library(SparsekAbsentTargets STATIC "${PROJECT_BINARY_DIR}/AbsentTargets.c")

# What the MLIR archives that the tools link use of LLVM.
llvm_map_components_to_libnames(sparsek_llvm_archives
  ${SPARSEK_LLVM_TARGETS} AsmParser BitReader BitWriter Core FrontendOpenMP IPO IRReader Linker MC ObjCopy Passes Support SupportLSP
  Target TransformUtils)
list(APPEND sparsek_llvm_archives SparsekAbsentTargets)
add_library(SparsekLLVMArchives INTERFACE IMPORTED)
target_link_libraries(SparsekLLVMArchives INTERFACE ${sparsek_llvm_archives})

foreach(target ${MLIR_EXPORTED_TARGETS})
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(libraries)
    list(TRANSFORM libraries REPLACE "^(LLVM|\\$<LINK_ONLY:LLVM>)$" SparsekLLVMArchives)
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endforeach()

# A release holds the code of MLIR and LLVM once: in libSparsek.so (see sparsek_add_tool).
add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections)
