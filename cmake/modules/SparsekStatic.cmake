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

# What the MLIR archives that the tools link use of LLVM; the serialization of GPU modules names every target.
llvm_map_components_to_libnames(sparsek_llvm_archives
  AllTargetsAsmParsers AllTargetsCodeGens AllTargetsDescs AllTargetsInfos AsmParser BitReader BitWriter Core FrontendOpenMP IPO IRReader
  Linker MC ObjCopy Passes Support SupportLSP Target TransformUtils)
add_library(SparsekLLVMArchives INTERFACE IMPORTED)
target_link_libraries(SparsekLLVMArchives INTERFACE ${sparsek_llvm_archives})

foreach(target ${MLIR_EXPORTED_TARGETS})
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(libraries)
    list(TRANSFORM libraries REPLACE "^(LLVM|\\$<LINK_ONLY:LLVM>)$" SparsekLLVMArchives)
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endforeach()

add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections)
