# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The project's wrappers over LLVM's CMake functions.

if(NOT LLVM_ENABLE_RTTI)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()
if(SPARSEK_WERROR)
  add_compile_options(-Werror)
endif()
if(SPARSEK_SANITIZE)
  add_compile_options(-fsanitize=${SPARSEK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${SPARSEK_SANITIZE})
  if(SPARSEK_SANITIZE MATCHES "undefined" AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The packaged MLIR exports no type information for some of the classes that are derived from here.
    add_compile_options(-fno-sanitize=vptr,function)
  elseif(SPARSEK_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

# What every library that uses MLIR is compiled with where SPARSEK_PRECOMPILE is on: headers of MLIR alone, so that no change here rebuilds them.
if(SPARSEK_PRECOMPILE)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/SparsekPrecompiled.cpp" CONTENT "")
  add_library(SparsekPrecompiled OBJECT "${PROJECT_BINARY_DIR}/SparsekPrecompiled.cpp")
  target_precompile_headers(SparsekPrecompiled PRIVATE
    <mlir/Dialect/Arith/IR/Arith.h>
    <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/GPU/IR/GPUDialect.h>
    <mlir/Dialect/LLVMIR/NVVMDialect.h>
    <mlir/Dialect/Linalg/IR/Linalg.h>
    <mlir/Dialect/Math/IR/Math.h>
    <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h>
    <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/IR/ImplicitLocOpBuilder.h>
    <mlir/Pass/Pass.h>
    <mlir/Transforms/DialectConversion.h>)
endif()

# Every generated header hangs on this target, and every library depends on it: no build order can miss one.
add_custom_target(sparsek-headers)

# sparsek_tablegen(<Name>.td OUT <out.inc> <flag> [OUT <out.inc> <flag>]...): generates from a .td of the current directory.
function(sparsek_tablegen td target)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(args ${ARGN})
  list(LENGTH args count)
  math(EXPR last "${count} - 1")
  foreach(i RANGE 0 ${last} 2)
    list(GET args ${i} out)
    math(EXPR next "${i} + 1")
    list(GET args ${next} flags)
    separate_arguments(flags)
    mlir_tablegen(${out} ${flags} EXTRA_INCLUDES "${PROJECT_SOURCE_DIR}/include")
  endforeach()
  add_public_tablegen_target(${target})
  add_dependencies(sparsek-headers ${target})
endfunction()

# Every page of docs/generated hangs on this target; scripts/update-docs.sh copies them into the source tree.
add_custom_target(sparsek-doc)

# sparsek_doc(<Name>.td <page> <flag>...): one generated page.
function(sparsek_doc td page)
  set(LLVM_TARGET_DEFINITIONS ${td})
  tablegen(MLIR ${page}.md ${ARGN} EXTRA_INCLUDES "${PROJECT_SOURCE_DIR}/include")
  set(output "${PROJECT_BINARY_DIR}/docs/generated/${page}.md")
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/${page}.md ${output}
    DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${page}.md)
  add_custom_target(sparsek-doc-${page} DEPENDS ${output})
  add_dependencies(sparsek-doc sparsek-doc-${page})
endfunction()

# sparsek_add_passes(<Name>): the passes of Passes.td, in the registration function register<Name>Passes.
function(sparsek_add_passes name)
  sparsek_tablegen(Passes.td ${name}IncGen Passes.h.inc "-gen-pass-decls -name ${name}")
  sparsek_doc(Passes.td ${name}Passes -gen-pass-doc)
endfunction()

# sparsek_add_dialect(<Name> <namespace> [TYPES]): ops, attributes, enums and, with TYPES, types of <Name>.td.
function(sparsek_add_dialect name namespace)
  cmake_parse_arguments(ARG "TYPES" "" "" ${ARGN})
  set(types)
  if(ARG_TYPES)
    set(types
      ${name}Types.h.inc "-gen-typedef-decls -typedefs-dialect=${namespace}"
      ${name}Types.cpp.inc "-gen-typedef-defs -typedefs-dialect=${namespace}")
  endif()
  sparsek_tablegen(${name}.td Sparsek${name}IncGen
    ${name}Dialect.h.inc "-gen-dialect-decls -dialect=${namespace}"
    ${name}Dialect.cpp.inc "-gen-dialect-defs -dialect=${namespace}"
    ${name}Ops.h.inc "-gen-op-decls"
    ${name}Ops.cpp.inc "-gen-op-defs"
    ${name}Enums.h.inc "-gen-enum-decls"
    ${name}Enums.cpp.inc "-gen-enum-defs"
    ${name}Attributes.h.inc "-gen-attrdef-decls -attrdefs-dialect=${namespace}"
    ${name}Attributes.cpp.inc "-gen-attrdef-defs -attrdefs-dialect=${namespace}"
    ${types})
  sparsek_doc(${name}.td ${name}Dialect -gen-dialect-doc -dialect=${namespace})
endfunction()

# sparsek_link_llvm(<target> <scope> <components>...): libLLVM.so, or the components one by one in static mode.
function(sparsek_link_llvm target scope)
  if(LLVM_LINK_LLVM_DYLIB)
    target_link_libraries(${target} ${scope} LLVM)
  else()
    llvm_map_components_to_libnames(libs ${ARGN})
    target_link_libraries(${target} ${scope} ${libs})
  endif()
endfunction()

# sparsek_add_library(<name> <sources>... LINK_LIBS <project libraries>... MLIR_LIBS <MLIR libraries>...
#                     LLVM_COMPONENTS <components>...)
# MLIR_LIBS are linked one by one in static mode and as libMLIR.so otherwise. The target is exported for find_package(Sparsek).
function(sparsek_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS;MLIR_LIBS;LLVM_COMPONENTS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  if(SPARSEK_PRECOMPILE AND ARG_MLIR_LIBS)
    target_precompile_headers(${name} REUSE_FROM SparsekPrecompiled)
  endif()
  add_dependencies(${name} sparsek-headers)
  target_include_directories(${name} INTERFACE $<INSTALL_INTERFACE:include>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PUBLIC ${ARG_MLIR_LIBS})
  sparsek_link_llvm(${name} PUBLIC Support ${ARG_LLVM_COMPONENTS})
  set_property(GLOBAL APPEND PROPERTY SPARSEK_LIBRARIES ${name})
  install(TARGETS ${name} EXPORT SparsekTargets ARCHIVE DESTINATION lib COMPONENT development)
endfunction()

# sparsek_add_tool(<name> ENTRY <function of sparsek-c/Tools.h> <sources>... LINK_LIBS ... MLIR_LIBS ... LLVM_COMPONENTS ...)
# In static mode the tool itself is part of libSparsek.so, so that MLIR and LLVM are linked, and shipped, once.
function(sparsek_add_tool name)
  cmake_parse_arguments(ARG "" "ENTRY" "LINK_LIBS;MLIR_LIBS;LLVM_COMPONENTS" ${ARGN})
  set(main "${CMAKE_CURRENT_BINARY_DIR}/main.c")
  file(CONFIGURE OUTPUT ${main} @ONLY CONTENT
    "#include \"sparsek-c/Tools.h\"\nint main(int argc, char **argv) { return @ARG_ENTRY@(argc, argv); }\n")
  add_executable(${name} ${main})
  if(SPARSEK_STATIC)
    list(TRANSFORM ARG_UNPARSED_ARGUMENTS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
    target_sources(Sparsek PRIVATE ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE Sparsek)
    set(implementation Sparsek)
  else()
    target_sources(${name} PRIVATE ${ARG_UNPARSED_ARGUMENTS})
    set(implementation ${name})
  endif()
  add_dependencies(${name} sparsek-headers)
  target_link_libraries(${implementation} PRIVATE ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${implementation} PRIVATE ${ARG_MLIR_LIBS})
  sparsek_link_llvm(${implementation} PRIVATE Support ${ARG_LLVM_COMPONENTS})
  set_property(GLOBAL APPEND PROPERTY SPARSEK_TOOLS ${name})
  install(TARGETS ${name} RUNTIME DESTINATION bin COMPONENT tools)
endfunction()
